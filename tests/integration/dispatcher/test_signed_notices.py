"""Proofs are signed as tasks' mail is: by the keys of their From domain, and each attempt repeats the first."""

from dataclasses import replace
from pathlib import Path

import pytest

from shared.domain.sending_domain import Algorithm, ChangeDomain, RecordKind, RemoveDomain
from shared.domain.still_needed import StillNeeded
from shared.notices.record import NewNotice
from shared.postgres.database import Database
from tests.integration.dispatcher.dispatching import dispatching
from tests.integration.dispatcher.noticing import PROOF, add, one, settled, until
from tests.mails import octets
from tests.signing_domain import DOMAIN, PUBLISHED, add_domain, change_domain
from tests.sinks.fake_relay import Action, FakeRelay, Say, Step
from tests.verify_dkim import verdicts

SHOWN: frozenset[RecordKind] = frozenset({"dkim-rsa"})


def from_address(address: str, name: str = 'Käthe "the shop" <x@y.example>') -> NewNotice:
    return replace(PROOF, content=octets(from_name=name, from_email=address))


SIGNED = from_address(f"news@{DOMAIN.name}")


async def sent(database: Database, journal: Path, **settings: str) -> tuple[bool, ...]:
    """What a verifier says of the signatures of the one mail that the relay took."""
    async with FakeRelay() as relay, dispatching(database, relay.port, journal, **settings):
        await settled(database)
    (taken,) = relay.ledger
    return tuple(verdicts(taken.content, PUBLISHED))


@pytest.mark.parametrize(("algorithm", "verified"), [("rsa-sha256", (True,)), ("ed25519-sha256", (True, True))])
async def test_a_proof_from_a_domain_with_keys_is_signed(
    database: Database, tmp_path: Path, algorithm: Algorithm, verified: tuple[bool, ...]
) -> None:
    await add_domain(database, algorithm=algorithm)
    await add(database, SIGNED)

    assert await sent(database, tmp_path) == verified
    assert (await one(database))["content"] is None


async def test_without_keys_of_its_domain_it_goes_as_it_stands(database: Database, tmp_path: Path) -> None:
    """Not with those of a domain above it, of a removed one or of another account."""
    await add_domain(database, account_id=2)
    await add_domain(database, domain_id=2)
    await change_domain(database, RemoveDomain(StillNeeded()), domain_id=2)
    removed, other = SIGNED, replace(SIGNED, account_id=3, origin="proof-3")
    below = replace(from_address(f"news@mail.{DOMAIN.name}"), account_id=2, origin="proof-2")
    await add(database, removed, other, below)
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        await settled(database)

    assert sorted(taken.content for taken in relay.ledger) == sorted(
        each.content for each in (removed, other, below) if isinstance(each.content, bytes)
    )


@pytest.mark.parametrize(("found", "verified"), [(SHOWN, (True,)), (frozenset(), ())])
async def test_where_dns_is_asked_a_key_signs_once_it_is_shown(
    database: Database, tmp_path: Path, found: frozenset[RecordKind], verified: tuple[bool, ...]
) -> None:
    """Of two keys the one that is shown."""
    await add_domain(database, algorithm="ed25519-sha256", found=found)
    await add(database, SIGNED)

    assert await sent(database, tmp_path, dns_check="on") == verified


@pytest.mark.parametrize("stage", ["rcpt", "dot"])
@pytest.mark.parametrize("signed", [True, False])
async def test_another_attempt_repeats_the_first_octet_for_octet(
    database: Database, tmp_path: Path, stage: str, signed: bool
) -> None:
    """By another process, whatever became of the domain meanwhile: with its signatures, or without."""
    contents: list[bytes] = []
    refusing = [True]

    def script(step: Step) -> Action | None:
        if step.stage == "dot":
            contents.append(step.argument)
        return Say(b"451 4.3.0 later\r\n") if step.stage == stage and refusing and refusing.pop() else None

    if signed:
        await add_domain(database)
    await add(database, SIGNED)
    async with FakeRelay(script) as relay:
        async with dispatching(database, relay.port, tmp_path, retry_seconds="3600"):
            await until(database, "(SELECT attempt FROM notice) = 2")
        first = (await one(database))["content"]
        if signed:
            await change_domain(database, ChangeDomain(None, "ed25519-sha256"))
            await change_domain(database, RemoveDomain(StillNeeded()))
        else:
            await add_domain(database)
        await database.execute("UPDATE notice SET due_at = clock_timestamp()")
        async with dispatching(database, relay.port, tmp_path):
            await settled(database)

    assert set(contents) == {first}
    assert verdicts(first, PUBLISHED) == ([True] if signed else [])


async def test_a_key_that_cannot_be_opened_holds_up_its_own_notice_alone(database: Database, tmp_path: Path) -> None:
    """It is not sent unsigned, no attempt is spent, and its reason is to be read."""
    await add_domain(database, secret=b"another secret of thirty-two bytes")
    await add(database, SIGNED, replace(from_address("a@other.example"), origin="proof-2"))
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        await until(database, "(SELECT reason <> '' FROM notice WHERE origin = 'proof-1')")
        await until(database, "(SELECT state = 'accepted' FROM notice WHERE origin = 'proof-2')")

    row = await one(database, SIGNED.origin)
    assert (row["state"], row["attempt"], row["begun"]) == ("waiting", 1, False)
    assert row["reason"] == "the key that signs it cannot be opened"
    assert len(relay.ledger) == 1
