"""A campaign from its time to the relay and the gateway: by both channels, and back to its own domain."""

import asyncio
from collections import Counter
from pathlib import Path

from pyroaring import BitMap

from shared.domain.delivery import Kind
from shared.domain.tokens import TokenKind
from shared.postgres.database import Database
from tests.audience import post_task
from tests.campaigns import BOUNCE_DOMAIN, make_world, post_campaign, row_of
from tests.integration.dispatcher.dispatching import KEYS, dispatching, settled
from tests.searching import save_search
from tests.sinks.fake_gateway import FakeGateway
from tests.sinks.fake_relay import FakeRelay, Taken

PEOPLE = 6


def verp(taken: Taken) -> tuple[int, int, str]:
    """Task, ordinal and domain of the envelope sender."""
    local, _, domain = taken.sender.decode().partition("@")
    token = KEYS.read_verp(local)
    assert token is not None
    assert token.kind is TokenKind.BOUNCE
    return token.task, token.ordinal, domain


async def tasks_of_campaign(database: Database) -> list[int]:
    async with asyncio.timeout(20):
        while not (tasks := (await row_of(database))["tasks"]):
            await asyncio.sleep(0.01)
    return list(tasks)


async def test_everybody_of_its_segments_gets_one_message_by_each_channel(database: Database, tmp_path: Path) -> None:
    """Mail bounces to the campaign's domain at an address of the recipient's own; of another task to the usual one."""
    await make_world(database, PEOPLE)
    for number, place in ((1, 2), (2, 4)):
        query = {"criteria": ["lt"], "field": ["place"], "value": [place]}
        await save_search(database, query, number=number, list_id=1)
    await post_campaign(database, segments=(1, 2))

    async with (
        FakeGateway() as gateway,
        FakeRelay() as relay,
        dispatching(database, relay.port, tmp_path, sms_url=gateway.url, bounce_domain="usual.example"),
    ):
        email, sms = await tasks_of_campaign(database)
        sets = [await settled(database, 4, task_id) for task_id in (email, sms)]
        await post_task(database, 1, number=99)
        await settled(database, 1, 99)

    assert [each[Kind.SUBMITTED] for each in sets] == [BitMap(range(4))] * 2
    assert Counter(relay.recipients()) == Counter(
        [*(f"person-{number}@example.com" for number in range(4)), "person-99-0@example.com"]
    )
    assert Counter(each["to"] for each in gateway.ledger) == Counter(f"+44771000000{number}" for number in range(4))
    envelopes = sorted(verp(taken) for taken in relay.ledger)
    assert envelopes == sorted([*((email, number, BOUNCE_DOMAIN) for number in range(4)), (99, 0, "usual.example")])
