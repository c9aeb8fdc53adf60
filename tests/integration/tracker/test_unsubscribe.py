"""Unsubscribing over real sockets: by one click of a mail program, by the form, and not by scanners."""

import asyncio

import aiohttp
import pytest

from shared.delivery_log.ordinal_sets import read_sets, read_totals
from shared.domain.delivery import Kind
from shared.domain.tokens import TokenKind, of_notice
from shared.postgres.database import Database
from tests.integration.tracker.readers import ONE_CLICK, SEARCHED, TASK, Reader, segments_stored
from tests.integration.tracker.running_projectors import all_projected, eventually


async def state_of(database: Database, ordinal: int) -> tuple[bool, str]:
    """Whether the subscription has ended, and the opt-out."""
    row = await database.fetch_row(
        """SELECT ended_at IS NOT NULL AS ended, optout FROM subscriber
             JOIN subscription ON subscription.subscriber_id = subscriber.id WHERE subscriber.id = $1""",
        1000 + ordinal,
    )
    assert row is not None
    return row["ended"], row["optout"]


async def changes(database: Database) -> list[dict[str, object]]:
    rows = await database.fetch("SELECT data FROM event WHERE type = 'list.subscribers_changed' ORDER BY position")
    return [{name: value for name, value in row["data"].items() if name != "at"} for row in rows]


async def test_one_click_ends_the_subscription_once(reader: Reader, database: Database) -> None:
    """RFC 8058. Row, event and segment are there with the answer; asking again changes nothing."""
    first = await reader.unsubscribe(5)
    ended = await state_of(database, 5)
    again = await asyncio.gather(*(reader.unsubscribe(5) for _ in range(5)))
    await eventually(lambda: all_projected(database))

    assert [first, *again] == [200] * 6
    assert ended == (True, "none")
    assert await changes(database) == [{"list_id": 1, "created": [], "updated": [], "unsubscribed": [1005]}]
    assert set((await read_sets(database, TASK, [Kind.UNSUBSCRIBED]))[Kind.UNSUBSCRIBED]) == {5}
    assert (await read_totals(database, TASK))[Kind.UNSUBSCRIBED, 0] == 1
    assert await state_of(database, 6) == (False, "none")


async def test_one_click_comes_as_multipart_too(reader: Reader, database: Database) -> None:
    """RFC 8058, section 3.1 allows both."""
    with aiohttp.MultipartWriter("form-data") as form:
        part = form.append("One-Click")
        part.set_content_disposition("form-data", name="List-Unsubscribe")
    status, _, _ = await reader.ask("POST", reader.url(TokenKind.UNSUBSCRIBE, 5), data=form)

    assert (status, await state_of(database, 5)) == (200, (True, "none"))


async def test_a_task_of_a_search_opts_out_of_blasts(reader: Reader, database: Database) -> None:
    """There is no subscription it came by; whoever has opted out of more stays so."""
    await database.execute("UPDATE subscriber SET optout = 'all' WHERE id = 1006")
    answers = [await reader.unsubscribe(5, task=SEARCHED), await reader.unsubscribe(6, task=SEARCHED)]

    assert answers == [200, 200]
    assert (await state_of(database, 5), await state_of(database, 6)) == ((False, "blast"), (False, "all"))
    assert [change["unsubscribed"] for change in await changes(database)] == [[1005]]


async def test_all_opts_out_of_everything(reader: Reader, database: Database) -> None:
    """The second button of the form."""
    await reader.unsubscribe(5)
    await reader.unsubscribe(5, wish="All")

    assert await state_of(database, 5) == (True, "all")
    assert [change["list_id"] for change in await changes(database)] == [1, None]


async def test_looking_at_the_form_unsubscribes_nobody(reader: Reader, database: Database) -> None:
    """Scanners open every link. The form loads nothing and can be framed by nobody."""
    status, body, headers = await reader.ask("GET", reader.url(TokenKind.UNSUBSCRIBE, 5))

    assert status == 200
    assert b'method="post"' in body
    assert b'value="One-Click"' in body
    assert b'value="All"' in body
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert (await state_of(database, 5), await segments_stored(database)) == ((False, "none"), 0)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        pytest.param(b"", {}, 400, id="nothing"),
        pytest.param(b"subscribe=yes", {"Content-Type": "application/x-www-form-urlencoded"}, 400, id="another form"),
        pytest.param(b"\xff\xfe\x00", {"Content-Type": "multipart/form-data; boundary=x"}, 400, id="bytes"),
        pytest.param(b"\x1f\x8b\x08", {"Content-Encoding": "gzip"}, 400, id="packed"),
        pytest.param(b"a" * 100_000, {}, 413, id="too much"),
    ],
)
async def test_a_post_that_asks_for_nothing_unsubscribes_nobody(
    reader: Reader, database: Database, body: bytes, headers: dict[str, str], status: int
) -> None:
    """Some scanners post whatever they find."""
    answered, _, _ = await reader.ask("POST", reader.url(TokenKind.UNSUBSCRIBE, 5), data=body, headers=headers)

    assert answered == status
    assert (await state_of(database, 5), await segments_stored(database)) == ((False, "none"), 0)


@pytest.mark.parametrize(
    ("wish", "task", "recorded"),
    [
        pytest.param("One-Click", TASK, ("unsubscribed", 1, False), id="from a list"),
        pytest.param("One-Click", SEARCHED, ("opted_out", None, True), id="found by a search: of marketing"),
        pytest.param("All", TASK, ("opted_out", None, False), id="of everything"),
    ],
)
async def test_the_wish_is_recorded_for_every_address_of_the_person(
    reader: Reader, database: Database, wish: str, task: int, recorded: tuple[str, int | None, bool]
) -> None:
    """So that it outlives an erasure: the one written to, and those he has now. Once, however often he asks."""
    await database.execute("UPDATE subscriber SET email = 'new@example.org', telephone = '+4930123' WHERE id = 1005")
    for _ in range(3):
        assert await reader.unsubscribe(5, wish, task) == 200
    rows = await database.fetch("SELECT * FROM suppression ORDER BY address")

    assert [(row["channel"], row["address"]) for row in rows] == [
        ("sms", "+4930123"),
        ("email", "new@example.org"),
        ("email", "reader5@example.org"),
    ]
    assert {(row["reason"], row["list_id"], row["marketing_only"]) for row in rows} == {recorded}
    assert {(row["account_id"], row["subscriber_id"], row["source"]) for row in rows} == {(1, 1005, f"task {task}")}
    events = await database.fetch("SELECT data FROM event WHERE type = 'list.subscribers_suppressed'")
    assert [sorted(event["data"]["suppressions"]) for event in events] == [sorted(row["id"] for row in rows)]


async def test_who_opts_out_of_everything_after_marketing_is_recorded_so(reader: Reader, database: Database) -> None:
    await reader.unsubscribe(5, task=SEARCHED)
    await reader.unsubscribe(5, wish="All")

    assert await database.fetch_value("SELECT array_agg(marketing_only) FROM suppression") == [False]


async def test_the_link_of_a_proof_says_so_and_unsubscribes_nobody(reader: Reader, database: Database) -> None:
    """A notice's number stands in place of the task; not even one-click does anything."""
    url = reader.url(TokenKind.UNSUBSCRIBE, 0, task=of_notice(TASK))
    shown = await reader.ask("GET", url)
    clicked = await reader.ask("POST", url, data=ONE_CLICK)

    assert [shown[0], clicked[0]] == [200, 200]
    assert shown[1] == clicked[1]
    assert b"This is a proof" in shown[1]
    assert (await state_of(database, 0), await segments_stored(database)) == ((False, "none"), 0)
