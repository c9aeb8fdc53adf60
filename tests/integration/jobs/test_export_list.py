"""``export_list_data``: a list as CSV, for whoever knows its URL, until its time is over."""

import csv
import hashlib
import io
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.integration.jobs.caller import Caller
from tests.integration.jobs.conftest import World

FIXED = [
    "Profile Id",
    "Email Hash",
    "Domain",
    "Engagement",
    "Lists",
    "Profile Created Date",
    "Signup",
    "Opens",
    "Clicks",
    "Last Open",
    "Last Click",
    "Optout Time",
    "List Signup",
    "Email Status",
]
RFC2822 = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000")


async def fetch(caller: Caller, url: str) -> tuple[int, Any, bytes]:
    """With no key at all."""
    async with caller.session.get(url) as response:
        return response.status, response.headers, await response.read()


async def exported(caller: Caller, **params: Any) -> list[dict[str, str]]:
    told = await caller.done(**params)
    status, _, data = await fetch(caller, told["export_url"])
    assert status == 200
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def by_hash(rows: list[dict[str, str]]) -> dict[str, dict[str, str]]:
    return {row["Email Hash"]: row for row in rows}


def md5(address: str) -> str:
    return hashlib.md5(address.encode()).hexdigest()


async def test_everybody_on_the_list_is_a_line_without_an_address(caller: Caller) -> None:
    """Known people, each with what is known of him: columns, hash, standing and dates."""
    await caller.done(job="import", list="Other", emails="Ann@Example.com")
    await caller.done(
        job="import", list="Main List!", emails="Ann@Example.com,ben@x.example,cy@x.example,dee@x.example"
    )
    await caller.done(job="update", emails="ben@x.example", update={"optout": "blast"})
    ann, cy = await caller.person("ann@example.com"), await caller.person("cy@x.example")
    assert ann is not None
    assert cy is not None
    await caller.database.execute(
        "INSERT INTO engagement (subscriber_id, generation, opens, clicks, last_open, last_click)"
        " VALUES ($1, 1, 3, 2, now() - interval '1 day', '2026-05-04 03:02:01+00')",
        ann["id"],
    )
    await caller.native.post("/suppression", {"email": "cy@x.example", "reason": "hard_bounce"})
    await caller.database.execute(
        "UPDATE subscription SET ended_at = now() WHERE subscriber_id = (SELECT id FROM subscriber"
        " WHERE email = 'dee@x.example')"
    )

    told = await caller.done(job="export_list_data", list="Main List!")
    rows = by_hash(await exported(caller, job="export_list_data", list="Main List!"))

    assert told["name"] == "Export All List Data: Main List!"
    assert (told["list"], told["filename"], told["rows"]) == ("Main List!", "main_list.csv", 3)
    assert set(rows) == {md5("ann@example.com"), md5("ben@x.example"), md5("cy@x.example")}
    first = rows[md5("ann@example.com")]
    assert list(first) == FIXED
    assert first["Profile Id"] == str(ann["id"])
    assert (first["Domain"], first["Engagement"], first["Lists"]) == ("example.com", "5", "Main List!,Other")
    assert (first["Opens"], first["Clicks"], first["Last Click"]) == ("3", "2", "Mon, 04 May 2026 03:02:01 +0000")
    dates = ("Profile Created Date", "Signup", "Last Open", "List Signup")
    assert [name for name in dates if not RFC2822.fullmatch(first[name])] == []
    assert (first["Optout Time"], first["Email Status"]) == ("", "valid")
    assert RFC2822.fullmatch(rows[md5("ben@x.example")]["Optout Time"])
    assert (rows[md5("ben@x.example")]["Email Status"], rows[md5("ben@x.example")]["Engagement"]) == ("optout", "0")
    assert rows[md5("cy@x.example")]["Email Status"] == "hardbounce"


async def test_a_hash_is_of_the_trimmed_address_in_small_letters(caller: Caller) -> None:
    """As those join on it who have the addresses."""
    await caller.done(job="import", list="L", emails="Big@Example.COM")
    await caller.database.execute(
        "UPDATE subscriber SET email = ' Big@Example.COM ' WHERE lower(email) = 'big@example.com'"
    )

    [row] = await exported(caller, job="export_list_data", list="L")

    assert row["Email Hash"] == md5("big@example.com")


async def test_the_asked_vars_are_columns_behind_the_others(caller: Caller) -> None:
    """In the order they were asked in; what somebody does not have is empty; text, numbers and arrays are told."""
    file = b'email,name,age\nann@example.com,"Ann, \xc3\x84nn",30\nben@example.com,,\n'
    await caller.done(file, job="import", list="L")
    fields = {"lists": 0, "vars": {"age": 1, "name": "1", "none": 1, "left_out": 0}}

    rows = by_hash(await exported(caller, job="export_list_data", list="L", fields=fields))

    assert list(rows[md5("ann@example.com")]) == [*(each for each in FIXED if each != "Lists"), "age", "name", "none"]
    assert [rows[md5("ann@example.com")][name] for name in ("age", "name", "none")] == ["30", "Ann, Änn", ""]
    assert [rows[md5("ben@example.com")][name] for name in ("age", "name", "none")] == ["", "", ""]


CORPUS = [
    ("=1+1", "'=1+1"),
    ("+1+1", "'+1+1"),
    ("-1+1", "'-1+1"),
    ("@SUM(A1)", "'@SUM(A1)"),
    ("\t=1+1", "'\t=1+1"),
    ("\r=1+1", "'\r=1+1"),
    ("\n=1", "'\n=1"),
    ("＝1+1", "'＝1+1"),
    ('=HYPERLINK("http://x","y")', '\'=HYPERLINK("http://x","y")'),
    ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
    ("+447700900123", "+447700900123"),
    ("a=b", "a=b"),
    ("'=1", "'=1"),
    ("", ""),
    ('say "x", y\nz', 'say "x", y\nz'),
]


async def test_no_cell_is_a_formula(caller: Caller) -> None:
    """Neither the value of a var, nor its name, nor the name of a list. A telephone number is none."""
    await caller.done(job="import", list="=L()", emails="ann@example.com")
    given = {f"v{number}": value for number, (value, _) in enumerate(CORPUS)}
    await caller.database.execute(
        "UPDATE subscriber SET vars = $1 WHERE email = 'ann@example.com'", {**given, "=name": "x"}
    )

    [row] = await exported(
        caller, job="export_list_data", list="=L()", fields={"vars": {**dict.fromkeys(given, 1), "=name": 1}}
    )

    assert [row[f"v{number}"] for number in range(len(CORPUS))] == [told for _, told in CORPUS]
    assert (row["Lists"], row["'=name"]) == ("'=L()", "x")


async def test_an_empty_list_is_a_line_of_names(caller: Caller) -> None:
    await caller.native.post("/list", {"name": "Empty"})
    told = await caller.done(job="export_list_data", list="Empty")

    assert (await fetch(caller, told["export_url"]))[2] == (",".join(FIXED) + "\n").encode()
    assert told["rows"] == 0


async def test_the_file_is_sent_as_a_file_of_text(caller: Caller) -> None:
    """With its name, its length and its type; to be saved and not shown, and kept by nobody on the way."""
    await caller.done(job="import", list='Nord "Ost"; ../Käse', emails="ann@example.com")
    told = await caller.done(job="export_list_data", list='Nord "Ost"; ../Käse')
    status, headers, data = await fetch(caller, told["export_url"])

    assert status == 200
    assert headers["Content-Type"] == "text/csv; charset=utf-8"
    assert headers["Content-Disposition"] == 'attachment; filename="nord_ost_kase.csv"'
    assert int(headers["Content-Length"]) == len(data)
    assert headers["Cache-Control"] == "no-store"
    assert told["filename"] == "nord_ost_kase.csv"
    async with caller.session.head(told["export_url"]) as response:
        assert (response.status, response.headers["Content-Length"]) == (200, str(len(data)))


async def test_nobody_guesses_a_url(caller: Caller) -> None:
    """160 bits of chance, other ones each time; whatever else is asked for is not there."""
    await caller.done(job="import", list="L", emails="ann@example.com")
    urls = [(await caller.done(job="export_list_data", list="L"))["export_url"] for _ in range(2)]
    keys = [parse_qs(urlsplit(url).query)["key"][0] for url in urls]

    assert keys[0] != keys[1]
    assert all(re.fullmatch(r"[a-z2-7]{32}", key) for key in keys)
    base = urls[0].partition("?")[0]
    assert (await fetch(caller, f"{base}?key={keys[0][:-1]}"))[0] == 404
    assert (await fetch(caller, f"{base}?key={'a' * 32}"))[0] == 404
    for wrong in ("..%2F..%2Fetc%2Fpasswd", "%00", "A" * 32, "", "files/" + keys[0]):
        assert (await fetch(caller, f"{base}?key={wrong}"))[0] == 400
    assert (await fetch(caller, base))[0] == 400


async def test_what_is_unknown_is_refused_by_name(caller: Caller) -> None:
    unknown = await caller.post(job="export_list_data", list="None")
    fields = await caller.post(job="export_list_data", list="None", fields={"engagement": 1, "vars": ["x"]}, limit=3)

    assert unknown.error == (404, 15)
    assert "Unknown list: None" in unknown.body["errormsg"]
    assert fields.status == 400
    assert all(word in fields.body["errormsg"] for word in ("fields.engagement", "fields.vars", "limit"))
    assert (await caller.post(job="export_list_data")).error == (400, 2)


async def test_only_admins_export(world: World, caller: Caller) -> None:
    """A member may neither start one nor see one."""
    await caller.done(job="import", list="L", emails="ann@example.com")
    member = await world.caller(account="exporting", role="member", user="ben")
    admin = await world.caller(account="exporting", role="admin", user="ann")
    await admin.done(job="import", list="L", emails="ann@example.com")
    posted = await admin.post(job="export_list_data", list="L")
    await admin.ended(posted)

    assert (await member.post(job="export_list_data", list="L")).error == (403, 99)
    assert (await member.get(posted.body["job_id"])).error == (403, 99)


async def test_a_list_of_another_account_is_not_there(world: World, caller: Caller) -> None:
    other = await world.caller()
    await other.done(job="import", list="Theirs", emails="ann@example.com")

    assert (await caller.post(job="export_list_data", list="Theirs")).error == (404, 15)
