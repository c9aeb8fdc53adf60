"""What is charged for texts: by their parts, and once for whoever is in doubt."""

from collections import Counter
from pathlib import Path

import pytest
from pyroaring import BitMap

from shared.domain.delivery import Kind
from shared.event_store.handle_command import Handler
from shared.postgres.database import Database
from tests.audience import post_task
from tests.integration.dispatcher.charging import allow, charged
from tests.integration.dispatcher.dispatching import dispatching, settled
from tests.integration.dispatcher.test_claims import ready_task
from tests.integration.dispatcher.texting import copies, texting, to
from tests.sinks.fake_gateway import FakeGateway, answer
from tests.sinks.fake_relay import End, FakeRelay

FAST = {"retry_seconds": "0.05,0.05"}


@pytest.mark.parametrize("policy", ["hold", "resend"])
async def test_who_is_in_doubt_stays_charged_once(database: Database, tmp_path: Path, policy: str) -> None:
    """A resend costs nothing: there was no credit left for it."""
    await allow(database, credit=20)
    await post_task(database, 20, channel="sms", in_doubt="hold" if policy == "hold" else "resend")
    async with FakeGateway(to(5, End(took=True), 1)) as gateway, texting(database, gateway, tmp_path):
        sets = await settled(database, 20)

    assert sets[Kind.HELD if policy == "hold" else Kind.RESENT] == BitMap([5])
    assert copies(gateway)[5] == (1 if policy == "hold" else 2)
    assert await charged(database) == 20


async def test_who_may_have_been_sent_to_is_not_refunded_when_the_second_copy_fails(
    database: Database, tmp_path: Path
) -> None:
    await allow(database, credit=20)
    await post_task(database, 20, channel="sms")
    silent, busy = to(5, End(took=True), 1), to(5, answer(503))
    async with (
        FakeGateway(lambda step: silent(step) or busy(step)) as gateway,
        texting(database, gateway, tmp_path, **FAST),
    ):
        sets = await settled(database, 20)

    assert sets[Kind.RESENT] == sets[Kind.FAILED] == BitMap([5])
    assert await charged(database) == 20


async def test_an_sms_costs_its_parts(database: Database, handler: Handler, tmp_path: Path) -> None:
    """Of the filled text: 160 characters are one, 161 are two, and with one that is not GSM-7, 71 are two.

    Nine units are there for thirteen: the dearest one is left out, the cheaper ones behind it are paid for.
    """
    await ready_task(database, handler, 8, channel="sms", content={"body": "{{ vars.name }}"})
    lengths = {0: "x" * 160, 1: "x" * 161, 2: "ж" * 71, 3: "x" * 155 + "€€€", 4: "x" * 307, 5: "ж", 6: "y", 7: "z"}
    for ordinal, text in lengths.items():
        await database.execute(
            "UPDATE subscriber SET vars = jsonb_build_object('name', $2::text) WHERE id = 10000000 + $1", ordinal, text
        )
    await allow(database, credit=9)
    async with FakeGateway() as gateway, texting(database, gateway, tmp_path):
        sets = await settled(database, 8)

    assert sets[Kind.UNCHARGED] == BitMap([4, 7])
    assert copies(gateway) == Counter({0, 1, 2, 3, 5, 6})
    assert await charged(database) == 1 + 2 + 2 + 2 + 1 + 1
    rows = await database.fetch("SELECT units, bits FROM charge ORDER BY units")
    assert [(row["units"], BitMap.deserialize(row["bits"])) for row in rows] == [
        (1, BitMap([0, 5, 6])),
        (2, BitMap([1, 2, 3])),
    ]


async def test_what_cannot_be_sent_costs_nothing(database: Database, handler: Handler, tmp_path: Path) -> None:
    """A number that is none is not charged, an address that is none is given back."""
    await allow(database, credit=40)
    await ready_task(database, handler, 20)
    await ready_task(database, handler, 20, number=2, channel="sms")
    await database.execute("UPDATE contact_record SET address = 'none' WHERE ordinal = 3")
    async with (
        FakeRelay() as relay,
        FakeGateway() as gateway,
        dispatching(database, relay.port, tmp_path, sms_url=gateway.url),
    ):
        sets = [await settled(database, 20, number) for number in (1, 2)]

    assert [each[Kind.FAILED] for each in sets] == [BitMap([3]), BitMap([3])]
    assert await charged(database) == 38
