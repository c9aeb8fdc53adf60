"""``/suppression``: recorded, found, lifted with what they stand for."""

from typing import Any

import pytest

from shared.postgres.database import Database
from tests.integration.api.conftest import Client, Clients, Ready, count_events, make_ready

ANN = {"email": "Ann@example.com", "source": "old system", "detail": "asked by letter"}


async def listed(client: Client, query: str = "") -> list[tuple[str, str]]:
    """(address, reason) of each, in their order; without an address: erased."""
    found = (await client.get(f"/suppression{query}")).json
    return sorted((line.get("email") or line.get("telephone") or "erased", line["reason"]) for line in found)


async def told(database: Database, kind: str) -> list[tuple[int | None, dict[str, Any]]]:
    """(user, data) of each event of this kind."""
    rows = await database.fetch("SELECT user_id, data FROM event WHERE type = $1 ORDER BY position", kind)
    return [(row["user_id"], row["data"]) for row in rows]


async def test_one_is_recorded_and_read_as_it_was_answered(client: Client, ready: Ready, database: Database) -> None:
    """With who did it in the event, which holds no address."""
    posted = await client.post("/suppression", ANN)

    assert posted.status == 201
    assert posted.json | {"id": 0, "cdate": 0} == {
        "id": 0,
        "channel": "email",
        "email": "Ann@example.com",
        "list_id": None,
        "reason": "manual",
        "marketing_only": False,
        "source": "old system",
        "detail": "asked by letter",
        "subscriber_id": None,
        "task_id": None,
        "cdate": 0,
    }
    assert (await client.get(posted.headers["Location"])).json == posted.json
    [(user_id, data)] = await told(database, "list.subscribers_suppressed")
    assert client.created is not None
    assert (user_id, data["suppressions"]) == (client.created["user_id"], [posted.json["id"]])
    assert "example.com" not in str(data)


async def test_the_same_again_is_answered_as_it_stands(client: Client, database: Database) -> None:
    """For the same reason; for another one, or of a list, it is another suppression."""
    first = await client.post("/suppression", ANN)
    events = await count_events(database)
    again = await client.post("/suppression", {"email": "ann@EXAMPLE.com", "source": "another"})
    unchanged = await count_events(database)
    other = await client.post("/suppression", {"email": "ann@example.com", "reason": "complaint"})

    assert (again.status, again.json, again.headers["Location"]) == (200, first.json, first.headers["Location"])
    assert (unchanged, other.status) == (events, 201)


async def test_a_telephone_is_made_e164(client: Client) -> None:
    posted = await client.post("/suppression", {"telephone": "+44 7700 900123", "reason": "hard_bounce"})

    assert (posted.json["channel"], posted.json["telephone"]) == ("sms", "+447700900123")
    assert "email" not in posted.json


async def test_who_has_the_address_is_not_written_to_any_more(client: Client, ready: Ready) -> None:
    """Of one list or of all."""
    sizes = []
    for body in ({"email": "P0@example.com", "list_id": ready.list_id}, {"email": "p1@example.com"}):
        assert (await client.post("/suppression", body)).json["subscriber_id"] is not None
        sizes.append((await client.post("/task", ready.task())).json["size"])

    assert sizes == [2, 1]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        pytest.param({}, {"email"}, id="no address"),
        pytest.param({"email": "a@x.org", "telephone": "+447700900123"}, {"email"}, id="two addresses"),
        pytest.param({"email": "odd"}, {"email"}, id="no email"),
        pytest.param({"telephone": "123"}, {"telephone"}, id="no telephone"),
        pytest.param({"email": "a@x.org", "reason": "dislike"}, {"reason"}, id="no reason"),
        pytest.param({"email": "a@x.org", "reason": None}, {"reason"}, id="no reason at all"),
        pytest.param({"email": "a@x.org", "reason": "unsubscribed"}, {"list_id"}, id="unsubscribed from nothing"),
        pytest.param({"email": "a@x.org", "list_id": 99}, {"list_id"}, id="no such list"),
        pytest.param({"email": "a@x.org", "list_id": True}, {"list_id"}, id="true is no id"),
        pytest.param({"email": "a@x.org", "source": "a\nb"}, {"source"}, id="a source of two lines"),
        pytest.param({"email": "a@x.org", "detail": "x" * 501}, {"detail"}, id="too much detail"),
        pytest.param({"email": "a@x.org", "cdate": 1}, {"cdate"}, id="an unknown field"),
        pytest.param({"email": "odd", "reason": "x", "source": ""}, {"email", "reason", "source"}, id="all at once"),
    ],
)
async def test_what_cannot_be_is_refused(
    client: Client, database: Database, body: dict[str, Any], fields: set[str]
) -> None:
    before = await count_events(database)
    reply = await client.post("/suppression", body)

    assert (reply.status, reply.faults) == (400, fields)
    assert await count_events(database) == before
    assert await listed(client) == []


async def test_they_are_found_by_what_they_are(client: Client, ready: Ready, database: Database) -> None:
    """An erased address as well: it is known by its hash, and told no more."""
    await client.post(
        "/suppression",
        [
            {"email": "ann@x.org"},
            {"email": "ann@x.org", "reason": "unsubscribed", "list_id": ready.list_id},
            {"email": "bob@x.org", "reason": "complaint"},
            {"telephone": "+447700900123"},
        ],
    )
    await database.execute("UPDATE suppression SET address = NULL WHERE address = 'bob@x.org'")

    assert await listed(client, "?email=ANN%40x.org") == [("ann@x.org", "manual"), ("ann@x.org", "unsubscribed")]
    assert await listed(client, "?email=bob%40x.org") == [("erased", "complaint")]
    assert await listed(client, "?telephone=%2B447700900123") == [("+447700900123", "manual")]
    assert await listed(client, f"?list_id={ready.list_id}") == [("ann@x.org", "unsubscribed")]
    assert sorted(reason for _, reason in await listed(client, "?list_id=")) == ["complaint", "manual", "manual"]
    assert await listed(client, "?reason=complaint") == [("erased", "complaint")]
    assert await listed(client, "?channel=sms&reason=manual") == [("+447700900123", "manual")]
    assert await listed(client, "?email=nobody%40x.org") == []
    assert await listed(client, "?email=") == []
    for query in ("?reason=x", "?channel=fax", "?name=x", "?email=a%40x.org&telephone=%2B44", "?count=0", "?start=x"):
        assert (await client.get(f"/suppression{query}")).status == 400


async def test_pages_follow_each_other(client: Client) -> None:
    await client.post("/suppression", [{"email": f"p{number}@x.org"} for number in range(5)])
    first = await client.get("/suppression?count=3&channel=email")
    path = first.headers["Link"].partition("<")[2].partition(">")[0]
    second = await client.get(path)

    assert first.headers["X-Total-Count"] == second.headers["X-Total-Count"] == "5"
    found = [*first.json, *second.json]
    assert (len(first.json), {line["email"] for line in found}) == (3, {f"p{number}@x.org" for number in range(5)})
    assert [line["id"] for line in found] == sorted(line["id"] for line in found)
    assert "Link" not in second.headers


async def test_csv_has_all_of_them_and_nothing_that_a_spreadsheet_runs(client: Client) -> None:
    """Without a count; with one, so many."""
    await client.post("/suppression", [{"email": f"p{number}@x.org"} for number in range(1_500)])
    await client.post("/suppression", {"telephone": "+447700900123", "source": "=1+1", "detail": '@x, "y"'})
    whole = await client.get("/suppression", headers={"Accept": "text/csv"})
    part = await client.get("/suppression?count=2&reason=manual", headers={"Accept": "text/csv"})
    lines = whole.data.decode().split("\r\n")

    assert whole.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert lines[0].startswith("id,channel,email,telephone,list_id,reason,")
    assert len(lines) == 1 + 1_501 + 1
    assert ',sms,,+447700900123,,manual,False,\'=1+1,"\'@x, ""y""",' in lines[-2]
    assert len(part.data.decode().splitlines()) == 3


async def test_lifting_an_unsubscribe_reopens_that_subscription(
    client: Client, ready: Ready, database: Database
) -> None:
    """Who did it is in the event. Another list stays ended, and what is lifted is gone."""
    other = (await client.post("/list", {"name": "Others"})).json["id"]
    await client.post(f"/list/{other}/subscriber", {"email": "p0@example.com"})
    ids = [
        (await client.post("/suppression", {"email": "p0@example.com", "reason": "unsubscribed", "list_id": list_id}))
        .json["id"]
        for list_id in (ready.list_id, other)
    ]  # fmt: skip

    async def ended(list_id: int) -> bool:
        return (await client.get(f"/list/{list_id}/subscriber/1")).json["ended"] is not None

    before = (await ended(ready.list_id), await ended(other))
    lifted = await client.send("DELETE", f"/suppression/{ids[0]}")
    [(user_id, data)] = await told(database, "list.suppressions_lifted")

    assert before == (True, True)
    assert (lifted.status, lifted.json["id"], lifted.json["reason"]) == (200, ids[0], "unsubscribed")
    assert (await ended(ready.list_id), await ended(other)) == (False, True)
    assert client.created is not None
    assert (user_id, data["suppressions"], data["subscribers"]) == (client.created["user_id"], [ids[0]], [1])
    for method in ("GET", "DELETE"):
        assert (await client.send(method, f"/suppression/{ids[0]}")).status == 404


async def test_lifting_an_opt_out_resets_it(client: Client, ready: Ready) -> None:
    """And he can be subscribed again. A bounce that is lifted opens nothing that was ended."""
    opted_out = (await client.post("/suppression", {"email": "p0@example.com", "reason": "opted_out"})).json
    optouts = [(await client.get("/subscriber?email=p0%40example.com")).json[0]["optout"]]
    bounce = (await client.post("/suppression", {"email": "p0@example.com", "reason": "hard_bounce"})).json
    for suppression in (bounce, opted_out):
        await client.send("DELETE", f"/suppression/{suppression['id']}")
        optouts.append((await client.get("/subscriber?email=p0%40example.com")).json[0]["optout"])
    again = await client.post(f"/list/{ready.list_id}/subscriber", [{"email": "p0@example.com"}])

    assert optouts == ["all", "all", "none"]
    assert again.json["updated"] == 1


async def test_a_wish_is_lifted_for_every_address_it_was_recorded_for(
    client: Client, ready: Ready, database: Database
) -> None:
    """As an unsubscribe link records it: at one moment. What was wished at another one stays, and so does a bounce."""
    wish = {"reason": "opted_out"}
    for body in ({"email": "p0@example.com", **wish}, {"telephone": "+447700900100", **wish}):
        await client.post("/suppression", body)
    await database.execute("UPDATE suppression SET cdate = now()")
    for body in (
        {"email": "p1@example.com", **wish},
        {"telephone": "+447700900101", **wish},
        {"email": "p0@example.com"},
    ):
        await client.post("/suppression", body)
    assert await database.fetch_value("SELECT count(DISTINCT subscriber_id) FROM suppression") == 2
    for query in ("?email=p0%40example.com&reason=opted_out", "?email=p1%40example.com"):
        [line] = (await client.get(f"/suppression{query}")).json
        assert (await client.send("DELETE", f"/suppression/{line['id']}")).status == 200

    assert await listed(client) == [("+447700900101", "opted_out"), ("p0@example.com", "manual")]
    assert [len(data["suppressions"]) for _, data in await told(database, "list.suppressions_lifted")] == [2, 1]


async def test_readers_see_and_change_nothing(client: Client, clients: Clients) -> None:
    path = (await client.post("/suppression", ANN)).headers["Location"]
    reader = await clients.make(user="rob", role="reader")

    assert (await reader.get(path)).status == 200
    assert len((await reader.get("/suppression")).json) == 1
    assert (await reader.post("/suppression", ANN)).status == 403
    assert (await reader.send("DELETE", path)).status == 403


async def test_another_account_has_its_own(client: Client, clients: Clients) -> None:
    """Whose is not seen, not lifted and no reason there; its lists are unknown."""
    path = (await client.post("/suppression", {"email": "p0@example.com"})).headers["Location"]
    stranger = await clients.make(account="other", user="eve")
    theirs = await make_ready(stranger)

    assert (await stranger.get(path)).status == 404
    assert (await stranger.send("DELETE", path)).status == 404
    assert await listed(stranger) == await listed(stranger, "?email=p0%40example.com") == []
    assert (await stranger.post("/task", theirs.task())).json["size"] == 3
    assert (await stranger.post("/suppression", {"email": "p0@example.com"})).status == 201
    assert (await client.post("/suppression", {"email": "a@x.org", "list_id": theirs.list_id})).faults == {"list_id"}
    assert len(await listed(client)) == 1


@pytest.mark.parametrize("body", [ANN, [ANN, {"email": "odd"}]], ids=["one", "many"])
async def test_a_repeated_post_is_answered_as_the_first(client: Client, database: Database, body: Any) -> None:
    key = {"Idempotency-Key": "once"}
    first = await client.post("/suppression", body, headers=key)
    events = await count_events(database)
    again = await client.post("/suppression", body, headers=key)
    other = await client.post("/suppression", {"email": "bob@x.org"}, headers=key)

    assert (again.status, again.json) == (first.status, first.json)
    assert await count_events(database) == events
    assert other.status == 409
    assert len(await listed(client)) == 1
