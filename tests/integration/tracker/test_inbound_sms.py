"""SMS that people send to us, over real sockets, as gateways bring them."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest

from services.tracker.intake.inbound_sms import InboundDesk
from services.tracker.metrics import Metrics
from shared.domain.identifiers import Instant
from shared.domain.tokens import TokenKind
from shared.postgres.database import Database
from shared.suppression.address_hash import AddressHashes
from shared.suppression.find import find_in
from shared.suppression.record import NewSuppression, suppress_in
from tests.integration.tracker.readers import TASK, Reader

ACCOUNT, ANN, STRANGER, OURS = 1, "+447700900123", "+447700900999", "+447700900000"
SUBSCRIBER = 1005  # whose number is ANN


@dataclass
class Gateway:
    reader: Reader
    url: str

    async def bring(self, text: object, sender: object = ANN, **more: object) -> int:
        status, _ = await self.send({"from": sender, "to": OURS, "text": text, **more})
        return status

    async def send(self, fields: dict[str, object], **options: Any) -> tuple[int, bytes]:
        status, body, _ = await self.reader.ask("POST", self.url, json=fields, **options)
        return status, body


@pytest.fixture
async def gateway(reader: Reader, database: Database) -> Gateway:
    await database.execute("UPDATE subscriber SET telephone = $1 WHERE id = $2", ANN, SUBSCRIBER)
    return gateway_of(reader, ACCOUNT)


def gateway_of(reader: Reader, account_id: int) -> Gateway:
    return Gateway(reader, f"{reader.tracker.url}/s/{reader.keys.web(account_id, 0, TokenKind.INBOUND)}")


async def suppressions(database: Database) -> list[tuple[object, ...]]:
    rows = await database.fetch("SELECT channel, reason, source, list_id, subscriber_id FROM suppression ORDER BY id")
    return [tuple(row) for row in rows]


async def notices(database: Database) -> list[dict[str, Any]]:
    rows = await database.fetch(
        "SELECT account_id, channel, purpose, sender, address, subscriber_id, content FROM notice ORDER BY id"
    )
    return [dict(row) for row in rows]


async def event_types(database: Database) -> list[str]:
    rows = await database.fetch(
        "SELECT type FROM event WHERE type LIKE 'sms.%' OR type LIKE '%suppress%' ORDER BY position"
    )
    return [row["type"] for row in rows]


async def test_stop_opts_out_of_sms_and_is_confirmed_once(gateway: Gateway, database: Database) -> None:
    """From the number the person wrote to. Mail is left alone, and saying it again says nothing new."""
    answers = [await gateway.bring(text) for text in ("STOP", "Stop!", "unsubscribe", " stop ")]

    assert answers == [200] * 4
    assert await suppressions(database) == [("sms", "opted_out", "sms", None, SUBSCRIBER)]
    (notice,) = await notices(database)
    assert b"unsubscribed" in notice.pop("content")
    assert notice == {
        "account_id": ACCOUNT,
        "channel": "sms",
        "purpose": "stop_confirmation",
        "sender": OURS,
        "address": ANN,
        "subscriber_id": SUBSCRIBER,
    }
    assert await database.fetch_value("SELECT optout FROM subscriber WHERE id = $1", SUBSCRIBER) == "none"
    assert await event_types(database) == ["list.subscribers_suppressed"]
    assert await database.fetch_value("SELECT expires_at < clock_timestamp() + interval '61 minutes' FROM notice")


async def test_stops_at_once_are_one_opt_out_with_one_confirmation(gateway: Gateway, database: Database) -> None:
    """Of one impatient person."""
    answers = await asyncio.gather(*(gateway.bring("STOP", id=str(number)) for number in range(12)))

    assert answers == [200] * 12
    assert (len(await suppressions(database)), len(await notices(database))) == (1, 1)
    assert await database.fetch_value("SELECT count(*) FROM inbound_sms") == 12


async def test_after_start_a_new_stop_is_confirmed_anew(gateway: Gateway, database: Database) -> None:
    """Each opt-out has one confirmation, though it is said alike; a START that may be the old one undoes nothing."""
    for text in ("stop", "stop", "START", "stop", "stop", "Start.", "STOPALL", "START"):
        assert await gateway.bring(text) == 200

    assert (len(await suppressions(database)), len(await notices(database))) == (1, 3)
    await gateway.bring("start", id="last")
    assert await suppressions(database) == []


async def test_a_number_that_nobody_is_known_by_is_suppressed_all_the_same(
    gateway: Gateway, database: Database
) -> None:
    """By its hash: whoever is given the number later has said stop."""
    await gateway.bring("STOP", STRANGER)

    assert await suppressions(database) == [("sms", "opted_out", "sms", None, None)]
    async with database.transaction() as connection:
        found = await find_in(connection, AddressHashes([SECRET]), ACCOUNT, [("sms", STRANGER)])
    assert [each.reason for each in found] == ["opted_out"]
    assert [notice["address"] for notice in await notices(database)] == [STRANGER]


SECRET = b"secret secret secret secret secret"


async def test_start_lifts_what_a_stop_did_and_nothing_else(gateway: Gateway, database: Database) -> None:
    """Not a bounce, not an opt-out that came another way, not what the person said of mail."""
    others = [
        NewSuppression(ACCOUNT, "sms", ANN, "hard_bounce", "task 7"),
        NewSuppression(ACCOUNT, "sms", ANN, "opted_out", "task 7", list_id=1),
        NewSuppression(ACCOUNT, "email", "reader5@example.org", "opted_out", "task 7"),
        NewSuppression(2, "sms", ANN, "opted_out", "sms"),
    ]
    async with database.transaction() as connection:
        await suppress_in(connection, AddressHashes([SECRET]), others, Instant(1.0), "others")
    before = await suppressions(database)
    await gateway.bring("STOP")
    await database.execute("UPDATE subscriber SET optout = 'all' WHERE id = $1", SUBSCRIBER)
    assert len(await suppressions(database)) == len(before) + 1

    await gateway.bring("START")

    assert await suppressions(database) == before
    assert await database.fetch_value("SELECT optout FROM subscriber WHERE id = $1", SUBSCRIBER) == "all"


async def test_who_had_opted_out_another_way_is_not_told_again(gateway: Gateway, database: Database) -> None:
    """And by a START he does not take that back either."""
    other = NewSuppression(ACCOUNT, "sms", ANN, "opted_out", "task 7")
    async with database.transaction() as connection:
        await suppress_in(connection, AddressHashes([SECRET]), [other], Instant(1.0), "other")
    for text in ("STOP", "START"):
        await gateway.bring(text)

    assert (len(await suppressions(database)), await notices(database)) == (1, [])


async def test_other_text_is_an_event_of_ids(gateway: Gateway, database: Database) -> None:
    """Who said what is in a row that expires."""
    await gateway.bring("Please STOP calling, text me 🙂")
    await gateway.bring("Hello", STRANGER)

    rows = await database.fetch("SELECT * FROM inbound_sms ORDER BY id")
    said = [(row["meaning"], row["from_number"], row["to_number"], row["subscriber_id"], row["body"]) for row in rows]
    assert said == [
        ("text", ANN, OURS, SUBSCRIBER, "Please STOP calling, text me 🙂"),
        ("text", STRANGER, OURS, None, "Hello"),
    ]
    events = await database.fetch("SELECT stream, account_id, data FROM event WHERE type = 'sms.received' ORDER BY 1")
    assert [(event["stream"], event["account_id"]) for event in events] == [
        (f"sms-{row['id']}", ACCOUNT) for row in rows
    ]
    assert [{**event["data"], "at": 0} for event in events] == [
        {"sms_id": row["id"], "subscriber_id": row["subscriber_id"], "at": 0} for row in rows
    ]
    assert (await suppressions(database), await notices(database)) == ([], [])


@pytest.mark.parametrize("more", [{}, {"id": "a1"}, {"id": 17}], ids=["by its words", "by its id", "by a number"])
async def test_what_a_gateway_tells_again_is_heard_once(
    gateway: Gateway, database: Database, more: dict[str, object]
) -> None:
    """All at once and later: a gateway that heard no answer comes again."""
    first = await asyncio.gather(*(gateway.bring("Hello", **more) for _ in range(8)))
    again = await gateway.bring("Hello", **more)

    assert [*first, again] == [200] * 9
    assert await event_types(database) == ["sms.received"]


async def test_a_late_repeat_of_a_stop_does_not_undo_a_start(gateway: Gateway, database: Database) -> None:
    for text, number in (("STOP", 1), ("START", 2), ("STOP", 1)):
        assert await gateway.bring(text, id=number) == 200

    assert (await suppressions(database), len(await notices(database))) == ([], 1)


async def test_the_same_words_are_no_repeat_after_a_while_or_under_another_id(
    gateway: Gateway, database: Database
) -> None:
    """People say yes more than once; nor is what another account was told a repeat."""
    await gateway.bring("Yes")
    await database.execute("UPDATE inbound_sms SET cdate = clock_timestamp() - interval '11 minutes'")
    await gateway.bring("Yes")
    await gateway.bring("Yes", id=1)
    await gateway.bring("Yes", id=2)
    other = Gateway(
        gateway.reader, gateway.url.rpartition("/")[0] + "/" + gateway.reader.keys.web(2, 0, TokenKind.INBOUND)
    )
    await other.bring("Yes", id=2)

    assert await event_types(database) == ["sms.received"] * 5


async def test_a_form_says_the_same(gateway: Gateway, database: Database) -> None:
    """And what else a gateway says is passed over, a plus that it leaves out is put back."""
    form = {"from": "447700900123", "to": "60777", "text": "Stop", "keyword": "STOP", "mcc": "234"}
    status, body, _ = await gateway.reader.ask("POST", gateway.url, data=form)

    assert (status, body) == (200, b"")
    assert await suppressions(database) == [("sms", "opted_out", "sms", None, SUBSCRIBER)]
    assert [notice["sender"] for notice in await notices(database)] == ["60777"]


@pytest.mark.parametrize(
    ("body", "headers", "status", "faults"),
    [
        pytest.param(b"{}", {}, 400, {"from", "to", "text"}, id="nothing"),
        pytest.param(b"", {}, 400, {""}, id="no body"),
        pytest.param(b"[1]", {}, 400, {""}, id="no object"),
        pytest.param(b'{"from": "07700", "to": "x", "text": 1}', {}, 400, {"from", "to", "text"}, id="all wrong"),
        pytest.param(json.dumps({"from": ANN, "to": OURS, "text": "x" * 2001}).encode(), {}, 400, {"text"}, id="long"),
        pytest.param(b"text=%ff", {"Content-Type": "application/x-www-form-urlencoded"}, 400, {""}, id="no UTF-8"),
        pytest.param(b"<x/>", {"Content-Type": "text/xml"}, 415, {""}, id="XML"),
        pytest.param(b"{}", {"Content-Encoding": "gzip"}, 415, {""}, id="packed"),
        pytest.param(b"x" * 40_000, {}, 413, None, id="too much"),
    ],
)
async def test_what_is_no_sms_is_refused_by_field_and_changes_nothing(
    gateway: Gateway, database: Database, body: bytes, headers: dict[str, str], status: int, faults: set[str] | None
) -> None:
    """Every fault at once, and none is a 5xx."""
    headers = {"Content-Type": "application/json", **headers}
    answered, told, _ = await gateway.reader.ask("POST", gateway.url, data=body, headers=headers)

    assert answered == status
    assert faults is None or {error["field"] for error in json.loads(told)["errors"]} == faults
    assert await database.fetch_value("SELECT count(*) FROM inbound_sms") == 0


async def test_the_longest_text_comes_through_whole(gateway: Gateway, database: Database) -> None:
    """2,000 characters of four octets each, as a form writes them."""
    text = "𝄞" * 2_000
    status, _, _ = await gateway.reader.ask("POST", gateway.url, data={"from": ANN, "to": OURS, "text": text})

    assert status == 200
    assert await database.fetch_value("SELECT body FROM inbound_sms") == text


async def test_controls_are_dropped_rather_than_the_message(gateway: Gateway, database: Database) -> None:
    """Postgres takes no NUL, and some gateways make one of an @."""
    assert await gateway.bring("a\x00b\u2028c") == 200

    assert await database.fetch_value("SELECT body FROM inbound_sms") == "abc"


@pytest.mark.parametrize(
    ("kind", "status"), [(TokenKind.UNSUBSCRIBE, 404), (TokenKind.OPEN, 404), (TokenKind.INBOUND, 200)]
)
async def test_the_address_is_signed_and_good_for_nothing_else(
    gateway: Gateway, database: Database, kind: TokenKind, status: int
) -> None:
    reader = gateway.reader
    url = f"{reader.tracker.url}/s/{reader.keys.web(TASK, 0, kind)}"
    answered, _, _ = await reader.ask("POST", url, json={"from": ANN, "to": OURS, "text": "hi"})
    looked, _, headers = await reader.ask("GET", url)

    assert (answered, looked, headers["Allow"]) == (status, 405, "POST")
    assert await database.fetch_value("SELECT count(*) FROM inbound_sms") == int(status == 200)


async def test_what_was_said_is_forgotten_when_it_expires(gateway: Gateway, database: Database) -> None:
    """That something came, and what it meant, stays."""
    await gateway.bring("Hello")
    await gateway.bring("STOP")
    desk = InboundDesk(database, AddressHashes([SECRET]), "", lambda: Instant(0.0), lambda: 1, lambda: None, Metrics())
    await desk.forget()
    assert await database.fetch_value("SELECT count(*) FROM inbound_sms WHERE body IS NULL") == 0
    await database.execute("UPDATE inbound_sms SET expires_at = clock_timestamp()")
    await desk.forget()

    rows = await database.fetch("SELECT meaning, from_number, to_number, body, repeat_key FROM inbound_sms ORDER BY 1")
    assert [tuple(row) for row in rows] == [("stop", None, None, None, None), ("text", None, None, None, None)]


async def test_metrics_tell_what_came(gateway: Gateway) -> None:
    for text in ("STOP", "hello"):
        await gateway.bring(text)
    _, body, _ = await gateway.reader.ask("GET", f"{gateway.reader.tracker.url}/metrics")

    assert b'postroom_inbound_sms_total{meaning="stop"} 1.0' in body
    assert b'postroom_inbound_sms_total{meaning="text"} 1.0' in body
