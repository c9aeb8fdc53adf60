"""``import``: addresses onto a list."""

import asyncio

import pytest

from tests.integration.jobs.caller import Caller
from tests.integration.jobs.conftest import World
from tests.sinks.receiver import Receiver, Request, status


async def test_addresses_come_onto_a_list_that_is_made(caller: Caller) -> None:
    told = await caller.done(job="import", list="Main", emails="a@example.com, B@Example.com,nobody,a@EXAMPLE.com")

    assert told["name"] == "List Import: Main"
    assert told["list"] == "Main"
    assert (told["rows"], told["rows_failed"]) == (4, 1)
    assert told["errors"] == [{"line": 3, "message": "is not an email address"}]
    assert (told["created"], told["updated"], told["skipped"]) == (2, 0, 0)
    assert told["progress"] == 100
    assert await caller.emails("Main") == ["B@Example.com", "a@example.com"]


async def test_a_header_row_makes_vars(caller: Caller) -> None:
    """Its columns but email and telephone; an empty cell says nothing, and a quoted one may go over lines."""
    file = (
        "\ufeffName,E-Mail,email,Telephone,note\r\n"
        'Ann,x,ann@example.com,+44 7700 900123,"two\r\nlines, ""quoted"""\r\n'
        "Bob,,bob@example.com,,\r\n"
        ",,bad,,\r\n"
        "\r\n"
        "Cy,,,+447700900124,\r\n"
        "Dee,,dee@example.com,12,\r\n"
        "Eve,,eve@example.com,,,,\r\n"
        ",,,,only a note\r\n"
    )

    told = await caller.done(file.encode(), job="import", list="Main")

    assert (told["rows"], told["rows_failed"], told["created"]) == (7, 4, 3)
    assert told["errors"] == [
        {"line": 5, "message": "email: is not an email address"},
        {"line": 8, "message": "telephone: is not a telephone number with + and its country code"},
        {"line": 9, "message": "has more cells than the header"},
        {"line": 10, "message": "has neither email nor telephone"},
    ]
    people = {each["vars"]["Name"]: each for each in await caller.on_list("Main")}
    assert people["Ann"]["vars"] == {"Name": "Ann", "E-Mail": "x", "note": 'two\nlines, "quoted"'}
    assert people["Ann"]["telephone"] == "+447700900123"
    assert people["Bob"]["vars"] == {"Name": "Bob"}
    assert (people["Cy"]["email"], people["Cy"]["telephone"]) == (None, "+447700900124")


async def test_a_known_address_is_changed_and_never_doubled(caller: Caller) -> None:
    await caller.done(b"email,a,b\nx@example.com,1,2\n", job="import", list="Main")

    told = await caller.done(b"email;b;c\nX@EXAMPLE.com;3;4\n", job="import", list="Other")

    assert (told["created"], told["updated"]) == (0, 1)
    person = await caller.person("x@example.com")
    assert person is not None
    assert person["vars"] == {"a": "1", "b": "3", "c": "4"}
    assert person["email"] == "x@example.com"
    assert await caller.emails("Main") == await caller.emails("Other") == ["x@example.com"]


async def test_a_telephone_is_one_persons(caller: Caller) -> None:
    """Whoever has it is known by it; a line that would give it to a second one is a bad line."""
    header = b"email,telephone\n"
    await caller.done(header + b"a@example.com,+447700900123\nb@example.com,\n", job="import", list="Main")

    told = await caller.done(
        header + b"b@example.com,+447700900123\nc@example.com,+447700900124\nd@example.com,+447700900124\n"
        b",+447700900123\n",
        job="import",
        list="Main",
    )

    assert told["errors"] == [
        {"line": 2, "message": "telephone: belongs to another subscriber"},
        {"line": 4, "message": "telephone: belongs to another subscriber"},
    ]
    people = {each["email"]: each["telephone"] for each in await caller.on_list("Main")}
    assert people == {"a@example.com": "+447700900123", "b@example.com": None, "c@example.com": "+447700900124"}


async def test_it_lifts_nothing(caller: Caller) -> None:
    """No unsubscribe, no opt-out, no suppression; not even of an address that nobody has any more."""
    await caller.done(
        job="import", list="Main", emails="left@example.com,out@example.com,bounced@example.com,fine@example.com"
    )
    list_id = await caller.list_id("Main")
    await caller.native.post("/suppression", {"email": "bounced@example.com", "reason": "hard_bounce"})
    await caller.native.post(
        "/suppression", {"email": "left@example.com", "reason": "unsubscribed", "list_id": list_id}
    )
    await caller.native.post("/suppression", {"email": "unknown@example.com", "reason": "complaint"})
    await caller.done(job="update", emails="out@example.com", update={"optout": "all"})
    before = {email: await caller.person(f"{email}@example.com") for email in ("left", "out", "bounced")}
    suppressions = (await caller.native.get("/suppression?count=100")).json

    told = await caller.done(
        b"email,n\nleft@example.com,1\nout@example.com,1\nbounced@example.com,1\nunknown@example.com,1\nfine@example.com,1\n",
        job="import",
        list="Main",
    )

    assert (told["created"], told["updated"], told["skipped"], told["rows_failed"]) == (0, 1, 4, 0)
    assert {email: await caller.person(f"{email}@example.com") for email in before} == before
    assert await caller.person("unknown@example.com") is None
    assert (await caller.native.get("/suppression?count=100")).json == suppressions


async def test_lines_may_end_in_cr_alone(caller: Caller) -> None:
    """As old files have it; a quote that is left open costs its own line."""
    told = await caller.done(b'email,n\ra@x.org,1\rb@x.org,"2\rc@x.org,3\r', job="import", list="Main")

    assert (told["rows"], told["errors"]) == (3, [{"line": 3, "message": "has a quote that is not closed"}])
    assert await caller.emails("Main") == ["a@x.org", "c@x.org"]


async def test_a_line_that_is_no_text_is_one_bad_line(caller: Caller) -> None:
    file = b"a@example.com\n\xff\xfe@example.com\n" + b"x" * 70_000 + b"@example.com\nb@exa\x00mple.com\nc@example.com"

    told = await caller.done(file, job="import", list="Main")

    assert (told["rows"], told["rows_failed"]) == (5, 3)
    assert [error["line"] for error in told["errors"]] == [2, 3, 4]
    assert await caller.emails("Main") == ["a@example.com", "c@example.com"]


async def test_the_first_hundred_errors_are_told(caller: Caller) -> None:
    """All are counted, over all chunks."""
    told = await caller.done(b"bad\n" * 12_000 + b"a@example.com\n", job="import", list="Main")

    assert (told["rows"], told["rows_failed"]) == (12_001, 12_000)
    assert [error["line"] for error in told["errors"]] == list(range(1, 101))
    assert await caller.emails("Main") == ["a@example.com"]


async def test_lines_may_be_fetched(caller: Caller) -> None:
    lines = b"".join(b"p%d@example.com\n" % number for number in range(12_000))

    async def answer(request: Request) -> bytes:
        if len(receiver.requests) == 1:
            return status(503)  # what cannot be had is asked for again
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(lines), lines)

    async with Receiver(answer) as receiver:
        told = await caller.done(job="import", list="Main", url=f"{receiver.url}/people.txt")

    assert (told["rows"], told["created"]) == (12_000, 12_000)
    assert len(receiver.requests) == 2


async def test_what_cannot_be_fetched_fails_the_job(caller: Caller) -> None:
    async def gone(_: Request) -> bytes:
        return status(404)

    async with Receiver(gone) as receiver:
        told = await caller.ended(await caller.post(job="import", list="Main", url=receiver.url))

    assert (told["status"], told["errormsg"]) == ("error", "url: it answered 404")


async def test_imports_of_the_same_people_side_by_side(caller: Caller) -> None:
    """Every person once, whoever was first."""
    lines = b"".join(b"p%d@example.com\n" % number for number in range(3_000))

    told = await asyncio.gather(
        *(
            caller.done(lines if turn % 2 else b"\n".join(reversed(lines.split())), job="import", list="Main")
            for turn in range(4)
        )
    )

    assert sum(each["created"] for each in told) == 3_000
    total = (await caller.native.get(f"/list/{await caller.list_id('Main')}")).json["subscription_count"]
    assert total == 3_000


async def test_what_was_done_is_told_by_ids_and_by_whom(world: World, caller: Caller) -> None:
    """No address stands in any event."""
    told = await caller.done(job="import", list="Main", emails="secret@example.com")
    assert caller.native.created is not None

    rows = await world.database.fetch(
        "SELECT type, data, user_id FROM event WHERE account_id = $1 ORDER BY position",
        caller.native.created["account_id"],
    )
    rows = [row for row in rows if row["type"].split(".")[0] in ("job", "list")]
    types = [row["type"] for row in rows]
    assert types == ["job.created", "job.started", "list.created", "list.subscribers_changed", "job.completed"]
    assert all(row["user_id"] == caller.native.created["user_id"] for row in rows)
    assert not any("secret@" in str(row["data"]) for row in rows)
    assert rows[-1]["data"]["job_id"] == told["job_id"]
    left = await world.database.fetch_value(
        "SELECT count(*) FROM job_input JOIN job ON job.id = job_input.job_id WHERE job.job_id = $1", told["job_id"]
    )
    assert left == 0


@pytest.mark.parametrize("header", ["email,email", "email,a,a", "email," + "x" * 300])
async def test_a_bad_header_fails_the_job(caller: Caller, header: str) -> None:
    told = await caller.ended(await caller.post(f"{header}\na@b.co\n".encode(), job="import", list="Main"))

    assert told["status"] == "error"
    assert "header" in told["errormsg"] or "column" in told["errormsg"]
