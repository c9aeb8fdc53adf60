"""``snapshot``: whom a query finds, counted; see test_snapshot_plainly.py for every query there is."""

import pytest

from tests.integration.jobs.caller import Caller


async def test_known_people_are_counted(caller: Caller) -> None:
    """Told beside the query, under the name of each way of counting."""
    await caller.done(job="import", list="Main", emails="a@gmail.com,b@gmail.com,c@x.example,d@gmail.com")
    await caller.done(job="update", emails="b@gmail.com", update={"optout": "all"})
    await caller.native.post("/suppression", {"email": "d@gmail.com", "reason": "hard_bounce"})
    person = await caller.person("a@gmail.com")
    assert person is not None
    await caller.database.execute(
        "INSERT INTO engagement (subscriber_id, generation, opens, clicks, last_open, last_click)"
        " VALUES ($1, 1, 5, 2, now(), now())",
        person["id"],
    )
    query = {"source_list": "Main", "query_mode": "and", "criteria": ["domain"], "value": ["gmail.com"]}

    told = await caller.done(job="snapshot", query=query)

    counted = told["snapshot"]
    assert told["name"] == "Snapshot"
    assert (told["query"]["source_list"], told["query"]["criteria"]) == ("Main", ["domain"])
    assert (counted["total"], counted["valid"], counted["hardbounce"], counted["softbounce"]) == (3, 1, 1, 0)
    assert counted["optout"] == {"none": 2, "basic": 0, "blast": 0, "all": 1}
    assert counted["engagement"] == {
        "hardbounce_or_optout": 2,
        "dormant": 0,
        "disengaged": 0,
        "new": 0,
        "passive": 0,
        "active": 0,
        "engaged": 1,
    }
    assert (counted["domains"], counted["other_domains"]) == ({"gmail.com": 3}, 0)
    assert (counted["openers"], counted["clickers"], counted["opens"], counted["clicks"]) == (1, 1, 5, 2)
    assert list(counted["signup_months"].values()) == [3]


@pytest.mark.parametrize("query", [{}, []], ids=["object", "as PHP writes an empty one"])
async def test_an_empty_query_is_everybody_of_the_account(caller: Caller, query: object) -> None:
    await caller.done(job="import", list="Main", emails="a@gmail.com,b@gmail.com")

    assert (await caller.done(job="snapshot", query=query))["snapshot"]["total"] == 2


async def test_the_misspelt_name_means_the_same(caller: Caller) -> None:
    """One of the clients sends it."""
    assert (await caller.done(job="snaphot", query={}))["snapshot"]["total"] == 0


async def test_what_is_wrong_with_a_query_is_named(caller: Caller) -> None:
    unknown = await caller.post(job="snapshot", query={"source_list": "None"})
    criterion = await caller.post(job="snapshot", query={"criteria": ["horoscope"]}, limit=1)

    assert unknown.error == (404, 15)
    assert criterion.error == (400, 99)
    assert all(word in criterion.body["errormsg"] for word in ("horoscope", "limit"))
    assert (await caller.post(job="snapshot")).error == (400, 2)
