"""The life of a domain, as history, command and what follows."""

from collections.abc import Sequence

import pytest

from shared.domain.identifiers import AccountId, DomainId, Instant
from shared.domain.refusal import Refused
from shared.domain.sending_domain import (
    AddDomain,
    ChangeDomain,
    Command,
    DomainAdded,
    DomainChanged,
    DomainRemoved,
    DomainSeen,
    Event,
    RecordLook,
    RemoveDomain,
    SendingDomain,
    decide,
    replay,
    selector_of,
)
from shared.domain.still_needed import StillNeeded
from shared.event_store.codec import fields_of, read_event

NOON = Instant(43_200.0)
ADD = AddDomain(DomainId(5), AccountId(7), "a.example", False, "rsa-sha256", "prx", "RSA", "ED", name_taken=False)
TAKEN = AddDomain(DomainId(5), AccountId(7), "a.example", False, "rsa-sha256", "prx", "RSA", "ED", name_taken=True)
ADDED: list[Event] = [
    DomainAdded(DomainId(5), AccountId(7), "a.example", False, "rsa-sha256", "prx", "RSA", "ED", NOON)
]
SEEN: list[Event] = [*ADDED, DomainSeen(("dkim-rsa", "spf"), NOON)]
REMOVED: list[Event] = [*ADDED, DomainRemoved(NOON)]
NOT_THERE = Refused.not_found("there is no such domain")


@pytest.mark.parametrize(
    ("given", "when", "then"),
    [
        pytest.param([], ADD, ADDED, id="a domain is added"),
        pytest.param(ADDED, ADD, [], id="again is no change"),
        pytest.param(
            [],
            TAKEN,
            Refused.conflict("a.example is a domain of this account already", "name"),
            id="a name is given once",
        ),
        pytest.param(
            ADDED, ChangeDomain(True, None), [DomainChanged(True, "rsa-sha256")], id="bounces are to come to it"
        ),
        pytest.param(
            ADDED,
            ChangeDomain(None, "ed25519-sha256"),
            [DomainChanged(False, "ed25519-sha256")],
            id="a second signature",
        ),
        pytest.param(ADDED, ChangeDomain(False, "rsa-sha256"), [], id="what it is already is no change"),
        pytest.param(ADDED, ChangeDomain(None, None), [], id="nothing is no change"),
        pytest.param(
            ADDED,
            RecordLook(frozenset({"spf", "dkim-rsa"})),
            [DomainSeen(("dkim-rsa", "spf"), NOON)],
            id="records are there now",
        ),
        pytest.param(SEEN, RecordLook(frozenset({"dkim-rsa", "spf"})), [], id="the same records are no news"),
        pytest.param(SEEN, RecordLook(frozenset()), [DomainSeen((), NOON)], id="records are gone"),
        pytest.param(ADDED, RemoveDomain(StillNeeded()), [DomainRemoved(NOON)], id="it is removed"),
        pytest.param(
            ADDED,
            RemoveDomain(StillNeeded((("task", 3),))),
            Refused.conflict("it is still needed by task 3"),
            id="not while a task waits",
        ),
        pytest.param(REMOVED, RemoveDomain(StillNeeded()), NOT_THERE, id="what is removed is not there"),
        pytest.param(REMOVED, ChangeDomain(True, None), NOT_THERE, id="nor can it be changed"),
        pytest.param(REMOVED, RecordLook(frozenset({"spf"})), NOT_THERE, id="nor be looked at"),
        pytest.param([], ChangeDomain(True, None), NOT_THERE, id="what was never added is not there"),
    ],
)
def test_what_follows(given: Sequence[Event], when: Command, then: list[Event] | Refused) -> None:
    assert decide(replay(given), when, NOON) == then


def test_a_domain_knows_what_happened_to_it() -> None:
    history = [*SEEN, DomainChanged(True, "ed25519-sha256"), DomainRemoved(NOON)]

    assert replay(history) == SendingDomain(
        domain_id=DomainId(5),
        account_id=AccountId(7),
        name="a.example",
        bouncing=True,
        algorithm="ed25519-sha256",
        selector="prx",
        rsa_public_key="RSA",
        ed25519_public_key="ED",
        found=frozenset({"dkim-rsa", "spf"}),
        cdate=NOON,
        removed=True,
    )


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("domain.added", ADDED[0]),
        ("domain.changed", DomainChanged(True, "ed25519-sha256")),
        ("domain.seen", DomainSeen(("mx", "spf"), NOON)),
        ("domain.removed", DomainRemoved(NOON)),
    ],
)
def test_an_event_is_read_as_it_was_stored(name: str, event: Event) -> None:
    stored = {field: list(value) if isinstance(value, tuple) else value for field, value in fields_of(event).items()}

    assert read_event(name, stored) == event


def test_each_key_has_a_place_of_its_own_in_dns() -> None:
    assert selector_of("prx", "rsa-sha256") == "prx"
    assert selector_of("prx", "ed25519-sha256") == "prx-ed25519"
