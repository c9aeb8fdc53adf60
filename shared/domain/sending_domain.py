"""One domain that an account sends from: its keys' public halves, and what DNS shows of the records it needs.

A domain proves itself by its keys: whoever controls its DNS has published them. So the same name may be a domain of
several accounts, each with keys of its own. The private halves are never here: they stand sealed in rows of their own.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Literal, assert_never

from shared.domain.identifiers import AccountId, DomainId, Instant
from shared.domain.refusal import Refused
from shared.domain.still_needed import StillNeeded

#: ``ed25519-sha256`` signs beside ``rsa-sha256``, which always signs: not every receiver can read the shorter one.
Algorithm = Literal["rsa-sha256", "ed25519-sha256"]

#: What a domain has in DNS.
RecordKind = Literal["spf", "dkim-rsa", "dkim-ed25519", "dmarc", "mx"]


@dataclass(frozen=True, slots=True)
class AddDomain:
    """``selector``: of the RSA key. Both keys are made with the domain; ``algorithm`` says which sign."""

    domain_id: DomainId
    account_id: AccountId
    name: str
    bouncing: bool
    algorithm: Algorithm
    selector: str
    rsa_public_key: str
    ed25519_public_key: str
    name_taken: bool


@dataclass(frozen=True, slots=True)
class ChangeDomain:
    """None: as it is."""

    bouncing: bool | None
    algorithm: Algorithm | None


@dataclass(frozen=True, slots=True)
class RecordLook:
    """DNS was looked at. ``found``: the records that are there, as far as anybody can tell."""

    found: frozenset[RecordKind]


@dataclass(frozen=True, slots=True)
class RemoveDomain:
    """``needed``: by what is yet to be sent from it."""

    needed: StillNeeded


Command = AddDomain | ChangeDomain | RecordLook | RemoveDomain


@dataclass(frozen=True, slots=True)
class DomainAdded:
    domain_id: DomainId
    account_id: AccountId
    name: str
    bouncing: bool
    algorithm: Algorithm
    selector: str
    rsa_public_key: str
    ed25519_public_key: str
    at: Instant


@dataclass(frozen=True, slots=True)
class DomainChanged:
    bouncing: bool
    algorithm: Algorithm


@dataclass(frozen=True, slots=True)
class DomainSeen:
    """DNS shows something else than before. ``found``: what is there, sorted."""

    found: tuple[RecordKind, ...]
    at: Instant


@dataclass(frozen=True, slots=True)
class DomainRemoved:
    at: Instant


Event = DomainAdded | DomainChanged | DomainSeen | DomainRemoved


@dataclass(frozen=True, slots=True)
class SendingDomain:
    domain_id: DomainId = DomainId(0)
    account_id: AccountId = AccountId(0)
    name: str = ""
    bouncing: bool = False
    algorithm: Algorithm = "rsa-sha256"
    selector: str = ""
    rsa_public_key: str = ""
    ed25519_public_key: str = ""
    found: frozenset[RecordKind] = frozenset()
    cdate: Instant = Instant(0.0)
    removed: bool = False


def selector_of(selector: str, algorithm: Algorithm) -> str:
    """Where in DNS the key of this algorithm is: one record holds one key. ``selector``: the domain's."""
    return selector if algorithm == "rsa-sha256" else f"{selector}-ed25519"


def decide(domain: SendingDomain, command: Command, now: Instant) -> list[Event] | Refused:
    match command:
        case AddDomain():
            return _add(domain, command, now)
        case _ if not domain.domain_id or domain.removed:
            return Refused.not_found("there is no such domain")
        case ChangeDomain(bouncing, algorithm):
            before = DomainChanged(domain.bouncing, domain.algorithm)
            after = DomainChanged(
                domain.bouncing if bouncing is None else bouncing, domain.algorithm if algorithm is None else algorithm
            )
            return [] if after == before else [after]
        case RecordLook(found):
            return [] if found == domain.found else [DomainSeen(tuple(sorted(found)), now)]
        case RemoveDomain(needed):
            return needed.refusal() or [DomainRemoved(now)]
        case _:
            assert_never(command)


def _add(domain: SendingDomain, wish: AddDomain, now: Instant) -> list[Event] | Refused:
    if domain.domain_id:
        return []
    if wish.name_taken:
        return Refused.conflict(f"{wish.name} is a domain of this account already", "name")
    return [
        DomainAdded(
            domain_id=wish.domain_id,
            account_id=wish.account_id,
            name=wish.name,
            bouncing=wish.bouncing,
            algorithm=wish.algorithm,
            selector=wish.selector,
            rsa_public_key=wish.rsa_public_key,
            ed25519_public_key=wish.ed25519_public_key,
            at=now,
        )
    ]


def evolve(domain: SendingDomain, event: Event) -> SendingDomain:
    match event:
        case DomainAdded():
            return SendingDomain(
                domain_id=event.domain_id,
                account_id=event.account_id,
                name=event.name,
                bouncing=event.bouncing,
                algorithm=event.algorithm,
                selector=event.selector,
                rsa_public_key=event.rsa_public_key,
                ed25519_public_key=event.ed25519_public_key,
                cdate=event.at,
            )
        case DomainChanged(bouncing, algorithm):
            return replace(domain, bouncing=bouncing, algorithm=algorithm)
        case DomainSeen(found, _):
            return replace(domain, found=frozenset(found))
        case DomainRemoved(_):
            return replace(domain, removed=True)
        case _:
            assert_never(event)


def replay(history: Iterable[Event]) -> SendingDomain:
    return reduce(evolve, history, SendingDomain())
