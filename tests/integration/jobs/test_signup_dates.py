"""When people signed up, as imports and updates say, and vars that an update removes."""

import orjson

from tests.integration.jobs.caller import Caller

DAY = "2009-02-18T00:00:00+00:00"
OTHER_DAY = "2011-03-04T00:00:00+00:00"


async def test_an_import_says_when_its_people_signed_up(caller: Caller) -> None:
    """A bad date is one bad row, an empty one says now, and a later line goes before."""
    rows = (
        "signup_date,email,n",
        '"Wed, 18 Feb 2009 00:00:00 +0000",ann@example.com,1',
        "1235000000,bob@example.com,2",
        ",cy@example.com,3",
        "soon,dee@example.com,4",
        "+1 day,eve@example.com,5",
        "12/31/1969,fay@example.com,6",
        "20100101,gus@example.com,7",
        "20090218,GUS@example.com,8",
    )

    told = await caller.done("\n".join([*rows, ""]).encode(), job="import", list="Main", signup_dates=True)

    assert (told["rows"], told["rows_failed"], told["created"]) == (8, 3, 4)
    assert [(each["line"], each["message"].partition(":")[0]) for each in told["errors"]] == [
        (5, "signup_date"),
        (6, "signup_date"),
        (7, "signup_date"),
    ]
    signups = await caller.signups("Main")
    now = signups.pop("cy@example.com")
    assert now > "2026"
    assert signups == {"ann@example.com": DAY, "bob@example.com": "2009-02-18T23:33:20+00:00", "gus@example.com": DAY}
    assert sorted(each["vars"]["n"] for each in await caller.on_list("Main")) == ["1", "2", "3", "8"]


async def test_an_import_dates_nobody_who_is_on_the_list(caller: Caller) -> None:
    """Whoever is known but new on it is dated; whoever is on it or has left it stays as he is."""
    header = b"email,signup_date\n"
    old = header + b"on@example.com,20090218\nleft@example.com,20090218\n"
    await caller.done(old, job="import", list="Main", signup_dates=1)
    await caller.done(job="update", emails="left@example.com", update={"lists": {"Main": 0}})
    await caller.done(job="import", list="Other", emails="known@example.com")

    told = await caller.done(
        header
        + b"on@example.com,20110304\nleft@example.com,20110304\nknown@example.com,20110304\nnew@example.com,20110304\n",
        job="import",
        list="Main",
        signup_dates="1",
    )

    assert (told["created"], told["updated"], told["skipped"]) == (1, 2, 1)
    assert await caller.signups("Main") == {
        "on@example.com": DAY,
        "known@example.com": OTHER_DAY,
        "new@example.com": OTHER_DAY,
    }


async def test_dates_need_their_column(caller: Caller) -> None:
    told = await caller.ended(await caller.post(b"a@example.com\n", job="import", list="Main", signup_dates=1))

    assert (told["status"], told["rows"]) == ("error", 0)
    assert told["errormsg"] == "the first line must be a header with the columns email and signup_date"


async def test_without_them_the_column_is_a_var(caller: Caller) -> None:
    await caller.done(b"email,signup_date\na@example.com,20090218\n", job="import", list="Main", signup_dates=0)

    [person] = await caller.on_list("Main")
    assert person["vars"] == {"signup_date": "20090218"}
    assert (await caller.signups("Main"))["a@example.com"] > "2026"


async def test_an_update_dates_what_it_joins(caller: Caller) -> None:
    """Whoever comes back is dated anew; whoever was on the list keeps his date; a line goes before the call."""
    old = b"email,signup_date\non@example.com,20090218\nback@example.com,20090218\n"
    await caller.done(old, job="import", list="Main", signup_dates=1)
    await caller.done(job="update", emails="back@example.com", update={"lists": {"Main": 0}})
    lines = [
        {"email": "on@example.com"},
        {"email": "back@example.com"},
        {"email": "own@example.com", "signup_date": "2012-01-01"},
        {"email": "bad@example.com", "signup_date": "2/30/2012"},
    ]

    told = await caller.done(
        b"\n".join([*map(orjson.dumps, lines), b""]),
        job="update",
        update={"lists": {"Main": 1}, "signup_date": "20110304"},
    )

    assert (told["rows"], told["rows_failed"]) == (4, 1)
    assert told["errors"][0]["line"] == 4
    assert told["errors"][0]["message"].startswith("signup_date: must be a date")
    assert await caller.signups("Main") == {
        "on@example.com": DAY,
        "back@example.com": OTHER_DAY,
        "own@example.com": "2012-01-01T00:00:00+00:00",
    }


async def test_vars_are_removed_by_name(caller: Caller) -> None:
    """Of whoever has them; a line that sets one goes before the call that removes it, and the other way round."""
    header = b"email,x,y\n"
    await caller.done(header + b"a@example.com,1,1\nb@example.com,1,1\nc@example.com,,1\n", job="import", list="Main")
    lines = [
        {"email": "a@example.com"},
        {"email": "b@example.com", "vars": {"x": 2}, "delete_vars": ["z"]},
        {"email": "c@example.com"},
        {"email": "new@example.com"},
    ]

    await caller.done(
        b"\n".join([*map(orjson.dumps, lines), b""]),
        job="update",
        update={"vars": {"z": 3}, "delete_vars": ["x", "none"]},
    )

    people = {email: await caller.person(f"{email}@example.com") for email in ("a", "b", "c", "new")}
    assert {email: person and person["vars"] for email, person in people.items()} == {
        "a": {"y": "1", "z": 3},
        "b": {"x": 2, "y": "1"},
        "c": {"y": "1", "z": 3},
        "new": {"z": 3},
    }


async def test_a_query_says_of_whom(caller: Caller) -> None:
    await caller.done(b"email,x,y\na@gmail.com,1,1\nb@example.com,1,1\n", job="import", list="Main")
    query = {"source_list": "Main", "query_mode": "and", "criteria": ["domain"], "value": ["gmail.com"]}

    await caller.done(
        job="update", query=query, update={"lists": {"gmailers": 1}, "delete_vars": ["x"], "signup_date": "20090218"}
    )

    assert await caller.signups("gmailers") == {"a@gmail.com": DAY}
    people = [await caller.person(email) for email in ("a@gmail.com", "b@example.com")]
    assert [person and person["vars"] for person in people] == [{"y": "1"}, {"x": "1", "y": "1"}]
