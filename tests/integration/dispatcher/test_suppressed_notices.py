"""Whoever says stop, complains or bounces while a notice waits does not get it; the answer to a STOP goes out."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.domain.identifiers import Instant
from shared.domain.notice import Purpose
from shared.domain.suppression import Reason
from shared.notices.record import NewNotice
from shared.postgres.database import Database
from shared.suppression.address_hash import AddressHashes
from shared.suppression.record import NewSuppression, suppress_in
from tests.integration.dispatcher.dispatching import dispatching
from tests.integration.dispatcher.noticing import add, one, proof, settled
from tests.integration.dispatcher.texting import texting
from tests.signing_domain import SECRET
from tests.sinks.fake_gateway import FakeGateway
from tests.sinks.fake_relay import FakeRelay

NOON = Instant(1_795_521_600.0)  # 2026-11-24
ADDRESS = "person-1@example.org"


async def suppress(database: Database, reason: Reason, address: str = ADDRESS, **more: Any) -> None:
    wanted = replace(NewSuppression(1, "email", address, reason, "test"), **more)
    async with database.transaction() as connection:
        await suppress_in(connection, AddressHashes([SECRET]), [wanted], NOON, f"{reason}-{address}")


async def opt_out(database: Database, optout: str, email: str = ADDRESS, account_id: int = 1) -> None:
    await database.execute(
        "INSERT INTO subscriber (id, account_id, email, optout, cdate) VALUES (9, $1, $2, $3, now())",
        account_id,
        email,
        optout,
    )


async def became(database: Database, journal: Path, *notices: NewNotice) -> tuple[list[str], list[str]]:
    """Whom the relay got one for, and the reason of each notice, in their order."""
    await add(database, *notices)
    async with FakeRelay() as relay, dispatching(database, relay.port, journal):
        await settled(database)
    rows = [await one(database, notice.origin) for notice in notices]
    assert [row["state"] for row in rows] == ["failed" if row["reason"] else "accepted" for row in rows]
    return relay.recipients(), [row["reason"] for row in rows]


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("hard_bounce", "suppressed: hard bounce on 2026-11-24: 550 5.1.1 no such user"),
        ("opted_out", "suppressed: opted out"),
    ],
)
async def test_whoever_is_suppressed_while_it_waits_gets_none(
    database: Database, tmp_path: Path, reason: Reason, words: str
) -> None:
    """Its reason is the one a contact record has, its content is forgotten, and the next one is sent."""
    await suppress(database, reason, address=ADDRESS.upper(), detail="550 5.1.1 no such user")

    assert await became(database, tmp_path, proof(1), proof(2)) == (["person-2@example.org"], [words, ""])
    row = await one(database)
    assert (row["content"], row["begun"], row["attempt"]) == (None, False, 1)


async def test_suppressed_between_two_attempts(database: Database, tmp_path: Path) -> None:
    """What was refused for now is looked up again."""
    await add(database, proof(1))
    await database.execute("UPDATE notice SET attempt = 2")
    await suppress(database, "complaint")
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        await settled(database)

    assert (relay.ledger, (await one(database))["reason"]) == ([], "suppressed: complaint on 2026-11-24")


async def test_an_erased_address_is_known_by_its_hash(database: Database, tmp_path: Path) -> None:
    await suppress(database, "complaint")
    await database.execute("UPDATE suppression SET address = NULL")

    assert (await became(database, tmp_path, proof(1)))[0] == []


async def test_one_list_another_channel_or_account_suppresses_nothing(database: Database, tmp_path: Path) -> None:
    await suppress(database, "unsubscribed", list_id=3)
    await suppress(database, "complaint", account_id=2)
    await suppress(database, "manual", channel="sms")
    await opt_out(database, "all", account_id=2)

    assert await became(database, tmp_path, proof(1)) == ([ADDRESS], [""])


@pytest.mark.parametrize(
    ("purpose", "optout", "reason"),
    [
        ("proof", "none", ""),
        ("proof", "basic", "suppressed: opted out"),
        ("service_proof", "basic", ""),
        ("service_proof", "all", "suppressed: opted out"),
        ("job_report", "blast", ""),
    ],
)
async def test_the_opt_out_of_who_has_the_address_holds_for_its_class(
    database: Database, tmp_path: Path, purpose: Purpose, optout: str, reason: str
) -> None:
    await opt_out(database, optout, ADDRESS.title())

    assert (await became(database, tmp_path, proof(1, purpose=purpose)))[1] == [reason]


@pytest.mark.parametrize(("purpose", "reason"), [("proof", "suppressed: opted out"), ("service_proof", "")])
async def test_a_suppression_of_marketing_leaves_proofs_of_the_service(
    database: Database, tmp_path: Path, purpose: Purpose, reason: str
) -> None:
    await suppress(database, "opted_out", marketing_only=True)

    assert (await became(database, tmp_path, proof(1, purpose=purpose)))[1] == [reason]


async def test_the_answer_to_a_stop_goes_out_and_a_waiting_text_does_not(database: Database, tmp_path: Path) -> None:
    """Though the number is suppressed by that very STOP, and its owner opted out of everything."""
    number = "+447700900123"
    await suppress(database, "opted_out", number, channel="sms")
    await database.execute(
        "INSERT INTO subscriber (id, account_id, telephone, optout, cdate) VALUES (9, 1, $1, 'all', now())", number
    )
    sms = {"channel": "sms", "address": number, "content": "Bye", "sender": "60777"}
    confirmation, waiting = proof(1, purpose="stop_confirmation", **sms), proof(2, **sms)
    await add(database, waiting, confirmation)
    async with FakeGateway() as gateway, texting(database, gateway, tmp_path):
        await settled(database)

    assert [(await one(database, each.origin))["state"] for each in (confirmation, waiting)] == ["accepted", "failed"]
    assert len(gateway.ledger) == 1
