"""``update``: what becomes of subscribers, whoever they are."""

import orjson

from tests.integration.jobs.caller import Caller


async def test_one_update_for_all_that_are_named(caller: Caller) -> None:
    """Whoever is not known becomes so, and the list is made."""
    await caller.done(job="import", list="Main", emails="a@example.com")

    told = await caller.done(
        job="update", emails="a@example.com,new@example.com,x", update={"vars": {"n": 1, "s": "ü"}, "lists": {"VIP": 1}}
    )

    assert told["name"] == "Bulk Update"
    assert (told["rows"], told["rows_failed"], told["created"], told["updated"]) == (3, 1, 1, 1)
    assert await caller.emails("VIP") == ["a@example.com", "new@example.com"]
    assert await caller.emails("Main") == ["a@example.com"]
    person = await caller.person("a@example.com")
    assert person is not None
    assert person["vars"] == {"n": 1, "s": "ü"}


async def test_each_line_of_a_file_says_its_own(caller: Caller) -> None:
    lines = [
        {"email": "ian@example.com", "vars": {"name": "Ian White"}, "lists": {"Employees": 1}},
        {
            "email": "praj@example.com",
            "vars": {"n": 2},
            "lists": {"Employees": 1, "Main": 0},
            "optout": "blast",
        },
        {"email": "bad"},
        {"vars": {}},
        {"email": "q@example.com", "optout": "some"},
        {"email": "q@example.com", "lists": {"Nowhere": 0}},
        {"email": "q@example.com", "color": "blue"},
    ]
    file = b"\n".join([*map(orjson.dumps, lines), b"{", b"plain@example.com", b""])
    await caller.done(job="import", list="Main", emails="praj@example.com")

    told = await caller.done(file, job="update")

    assert (told["rows"], told["rows_failed"]) == (9, 6)
    assert told["errors"] == [
        {"line": 3, "message": "email: is not an email address"},
        {"line": 4, "message": "has no email"},
        {"line": 5, "message": "optout: must be one of none, basic, blast, all"},
        {"line": 6, "message": "lists: there is no list 'Nowhere'"},
        {"line": 7, "message": "color: is not a known key of an update"},
        {"line": 8, "message": "is not JSON"},
    ]
    assert await caller.emails("Employees") == ["ian@example.com", "praj@example.com"]
    assert await caller.emails("Main") == []
    praj = await caller.person("praj@example.com")
    assert praj is not None
    assert praj["optout"] == "blast"
    assert praj["vars"] == {"n": 2}
    assert await caller.person("plain@example.com") is not None


async def test_a_query_says_who(caller: Caller) -> None:
    await caller.done(job="import", list="Main", emails="a@gmail.com,b@gmail.com,c@example.com")
    await caller.done(job="import", list="Other", emails="d@gmail.com")
    query = {"source_list": "Main", "query_mode": "and", "criteria": ["domain"], "value": ["gmail.com"]}

    told = await caller.done(job="update", query=query, update={"lists": {"gmailers": 1}, "vars": {"g": True}})

    assert (told["rows"], told["updated"]) == (2, 2)
    assert await caller.emails("gmailers") == ["a@gmail.com", "b@gmail.com"]


async def test_several_lists_become_one(caller: Caller) -> None:
    await caller.done(job="import", list="one", emails="a@example.com,b@example.com")
    await caller.done(job="import", list="two", emails="b@example.com,c@example.com")
    both = {"source_list": ".multiple", "multiple_source_list": ["one", "two"]}

    told = await caller.done(job="update", query=both, update={"lists": {"merged": 1}})

    assert told["rows"] == 3
    assert await caller.emails("merged") == ["a@example.com", "b@example.com", "c@example.com"]
