"""Receipts of SMS gateways at the tracker: counted once for each recipient, in whatever order they come."""

import asyncio
from random import Random

import pytest
from pyroaring import BitMap

from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.ordinal_sets import read_sets
from shared.delivery_log.segments import Hits, by_kind, decode_hits
from shared.domain.delivery import Kind
from shared.domain.recipient_states import count_by_state
from shared.domain.tokens import TokenKind
from shared.postgres.database import Database
from tests.integration.tracker.readers import RECIPIENTS, TASK, Reader, segments_stored
from tests.integration.tracker.running_projectors import all_projected, eventually


async def receive(reader: Reader, ordinal: int, task: int = TASK, **receipt: object) -> int:
    return (await reader.ask("POST", reader.url(TokenKind.RECEIPT, ordinal, task=task), json=receipt))[0]


async def sets_of(database: Database) -> dict[Kind, BitMap]:
    await eventually(lambda: all_projected(database))
    return await read_sets(database, TASK, Kind)


async def test_each_status_says_what_became_of_the_message(reader: Reader, database: Database) -> None:
    statuses = ["accepted", "delivered", "failed", "rejected", "undeliverable", "expired", "unknown"]

    answers = [await receive(reader, n, status=status, reason="so") for n, status in enumerate(statuses)]

    assert answers == [200] * 7
    sets = await sets_of(database)
    assert (sets[Kind.DELIVERED], sets[Kind.BOUNCED]) == (BitMap([1]), BitMap([2, 3, 4, 5, 6]))
    stored = await database.fetch("SELECT hits FROM segment WHERE kind = $1", Kind.BOUNCED)
    notes = {note for row in stored for note in decode_hits(row["hits"]).notes}
    assert notes == {f"receipt {status}: so" for status in statuses[2:]}


async def test_a_receipt_may_be_a_form(reader: Reader, database: Database) -> None:
    status, body, _ = await reader.ask("POST", reader.url(TokenKind.RECEIPT, 5), data={"status": "delivered"})

    assert (status, body) == (200, b'{"status": "delivered"}')
    assert (await sets_of(database))[Kind.DELIVERED] == BitMap([5])


async def test_repeats_in_any_order_change_no_count_of_recipients(reader: Reader, database: Database) -> None:
    """Each one to 46 times, all mixed, before and after the sender's own word."""
    chance = Random(3)
    delivered, failed = BitMap(range(20)), BitMap(range(15, 30))
    calls = [(n, "delivered") for n in delivered for _ in range(chance.randint(1, 46))]
    calls += [(n, "failed") for n in failed for _ in range(chance.randint(1, 46))]
    chance.shuffle(calls)
    log = DeliveryLog(database)

    async def say(ordinal: int, status: str) -> int:
        return await receive(reader, ordinal, status=status)

    answers = await asyncio.gather(*(say(*call) for call in calls[::2]))
    await log.append(by_kind(TASK, 0, 1, 0, [(Kind.SUBMITTED, Hits.at_once(range(40), 1_000))]))
    answers += await asyncio.gather(*(say(*call) for call in calls[1::2]))

    assert set(answers) == {200}
    sets = await sets_of(database)
    assert (sets[Kind.DELIVERED], sets[Kind.BOUNCED]) == (delivered, failed)
    states = count_by_state(BitMap(range(RECIPIENTS)), sets)
    assert (states["bounced"], states["accepted"], states["pending"]) == (15, 25, RECIPIENTS - 40)


@pytest.mark.parametrize("first", ["the receipt", "the sender"])
@pytest.mark.parametrize(("status", "state"), [("delivered", "accepted"), ("undeliverable", "bounced")])
async def test_states_come_out_right_whoever_speaks_first(
    reader: Reader, database: Database, first: str, status: str, state: str
) -> None:
    """A receipt may be here before the dispatcher has committed that the gateway took the message."""
    submitted = by_kind(TASK, 0, 1, 0, [(Kind.SUBMITTED, Hits.at_once([8], 1_000))])
    log = DeliveryLog(database)
    if first == "the sender":
        await log.append(submitted)
    assert await receive(reader, 8, status=status) == 200
    early = count_by_state(BitMap([8]), await sets_of(database))
    if first == "the receipt":
        await log.append(submitted)
    late = count_by_state(BitMap([8]), await sets_of(database))

    assert early == late
    assert {name for name, count in late.items() if count} == {state}


async def test_a_receipt_settles_a_doubt_that_was_held(reader: Reader, database: Database) -> None:
    """It stays listed as in doubt, and its state is what became of it."""
    await DeliveryLog(database).append(by_kind(TASK, 0, 1, 0, [(Kind.HELD, Hits.at_once([3, 4, 5], 1_000))]))
    await receive(reader, 3, status="delivered")
    await receive(reader, 4, status="rejected")

    states = count_by_state(BitMap([3, 4, 5]), await sets_of(database))

    assert {name: count for name, count in states.items() if count} == {"accepted": 1, "bounced": 1, "in_doubt": 1}


@pytest.mark.parametrize(
    ("token", "why"),
    [
        pytest.param("x" * 42, "forged", id="forged"),
        pytest.param("short", "no token", id="no token"),
        pytest.param((TASK, 3, TokenKind.OPEN), "of a pixel", id="of something else"),
        pytest.param((TASK, RECIPIENTS, TokenKind.RECEIPT), "beyond the audience", id="of nobody"),
        pytest.param((99, 3, TokenKind.RECEIPT), "of no task", id="of no task"),
    ],
)
async def test_a_token_that_is_not_this_one_changes_nothing(
    reader: Reader, database: Database, token: str | tuple[int, int, TokenKind], why: str
) -> None:
    path = token if isinstance(token, str) else reader.keys.web(*token)

    status, body, headers = await reader.ask("POST", f"{reader.tracker.url}/r/{path}", json={"status": "delivered"})

    assert (status, headers["Content-Type"].split(";")[0]) == (404, "application/problem+json"), why
    assert b"errors" in body
    assert await segments_stored(database) == 0


@pytest.mark.parametrize(
    ("body", "status", "fields"),
    [
        pytest.param(b'{"status": "lost", "reason": []}', 400, {"status", "reason"}, id="two faults"),
        pytest.param(b"not JSON", 400, {""}, id="no JSON"),
        pytest.param(b" " * 5_000, 413, None, id="too long"),
    ],
)
async def test_what_is_no_receipt_is_told_why_and_changes_nothing(
    reader: Reader, database: Database, body: bytes, status: int, fields: set[str] | None
) -> None:
    async with reader.session.post(reader.url(TokenKind.RECEIPT, 3), data=body) as answer:
        assert answer.status == status
        if fields is not None:
            problem = await answer.json(content_type="application/problem+json")
            assert {fault["field"] for fault in problem["errors"]} == fields

    assert await segments_stored(database) == 0


async def test_a_receipt_is_posted(reader: Reader, database: Database) -> None:
    """Whoever looks at its URL changes nothing."""
    assert (await reader.ask("GET", reader.url(TokenKind.RECEIPT, 3)))[0] == 405
    assert await segments_stored(database) == 0


async def test_it_is_stored_before_it_is_answered(reader: Reader, database: Database) -> None:
    assert await receive(reader, 3, status="delivered") == 200
    assert await segments_stored(database) == 1
