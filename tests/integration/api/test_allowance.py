"""What an operator gives accounts to send, and the accounts he makes."""

import asyncio
from typing import Any, cast

import pytest

from shared.domain import ledger
from shared.domain.account import Role
from shared.domain.identifiers import Instant, account_stream, ledger_stream
from shared.domain.ledger import Charged, Ledger, Terms, TermsSet
from shared.event_store.on_postgres import PostgresEventStore
from shared.ledger.balances import lock_ledger
from shared.postgres.database import Database
from tests.integration.api.conftest import Client, Clients, count_events


@pytest.fixture
async def operator(clients: Clients) -> Client:
    return await clients.make("house", "olga", "operator")


def id_of(client: Client) -> int:
    assert client.created is not None
    return client.created["account_id"]


def terms_in(answer: dict[str, Any]) -> tuple[Any, ...]:
    return answer["credit"], answer["quota"], answer["overage"]


async def history_of(store: PostgresEventStore, account_id: int) -> list[ledger.Event]:
    return [cast(ledger.Event, each.event) for each in await store.read_stream(ledger_stream(account_id))]


async def test_an_operator_sets_what_his_account_may_send(operator: Client, store: PostgresEventStore) -> None:
    """What is not given stays; null takes it away; the same again is no event."""
    given = [{"credit": 5, "quota": 0}, {"overage": 3}, {"overage": 3}, {}, {"quota": None}]
    answers = [(await operator.send("PUT", "/account", body)).json for body in given]

    assert [terms_in(answer) for answer in answers] == [(5, 0, None), (5, 0, 3), (5, 0, 3), (5, 0, 3), (5, None, 3)]
    assert (await operator.get("/account")).json == answers[-1]
    assert answers[-1]["webhook_secret"] is not None
    history = await history_of(store, id_of(operator))
    assert [type(event) for event in history] == [TermsSet] * 3
    assert ledger.replay(history) == Ledger(Terms(5, None, 3))


async def test_a_form_says_the_same(operator: Client) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    reply = await operator.send("PUT", "/account", b"credit=7&quota=&overage=2", headers=headers)

    assert terms_in(reply.json) == (7, None, 2)


async def test_what_was_charged_is_told_with_what_is_left(operator: Client, database: Database) -> None:
    """Of credit first, then of quota; new terms take nothing of it away."""
    await operator.send("PUT", "/account", {"credit": 5, "quota": 4, "overage": 3})
    async with database.transaction() as connection:
        locked = await lock_ledger(connection, id_of(operator))
        assert locked is not None
        await locked.record(Charged(1, 0, 7, 7, Instant(1.0)))

    seen = (await operator.get("/account")).json
    assert (terms_in(seen), seen["charged"], seen["left"]) == ((5, 4, 3), 7, {"credit": 0, "quota": 2, "overage": 3})
    raised = (await operator.send("PUT", "/account", {"credit": 10})).json
    assert (raised["charged"], raised["left"]) == (7, {"credit": 3, "quota": 4, "overage": 3})


@pytest.mark.parametrize("role", ["admin", "member", "reader"])
async def test_nobody_else_may(clients: Clients, database: Database, role: Role) -> None:
    client = await clients.make(role=role)
    before = await count_events(database)
    asked = [("PUT", "/account"), ("PUT", f"/account/{id_of(client)}"), ("POST", "/account")]
    replies = [await client.send(method, path, {"name": "x"} if method == "POST" else {}) for method, path in asked]

    assert [reply.status for reply in replies] == [403] * 3
    assert await count_events(database) == before


async def test_an_operator_provides_for_others_and_sees_no_secret(
    clients: Clients, operator: Client, store: PostgresEventStore
) -> None:
    """They see it at once; the event is theirs, and names who did it."""
    client = await clients.make()
    reply = await operator.send("PUT", f"/account/{id_of(client)}", {"credit": 9})

    assert (reply.status, reply.json["id"], terms_in(reply.json)) == (200, id_of(client), (9, None, None))
    assert (reply.json["webhook_secret"], reply.json["inbound_sms_url"]) == (None, None)
    assert terms_in((await client.get("/account")).json) == (9, None, None)
    assert terms_in((await operator.get("/account")).json) == (None, None, None)
    (event,) = await store.read_stream(ledger_stream(id_of(client)))
    assert operator.created is not None
    assert (event.actor.account_id, event.actor.user_id) == (id_of(client), operator.created["user_id"])


async def test_an_account_that_is_not_there_gets_nothing(operator: Client, database: Database) -> None:
    before = await count_events(database)

    assert (await operator.send("PUT", "/account/999999", {"credit": 9})).status == 404
    assert await count_events(database) == before
    assert await database.fetch_value("SELECT count(*) FROM balance") == 0


@pytest.mark.parametrize("bad", [-1, 1.5, True, "5", [], 10**15 + 1, 2**70])
async def test_every_bad_amount_is_named(operator: Client, bad: object) -> None:
    body = {"credit": bad, "quota": bad, "overage": bad, "charged": 1}
    reply = await operator.send("PUT", "/account", body)

    assert reply.status == 400
    assert reply.faults == {"credit", "quota", "overage", "charged"}


async def test_terms_set_at_the_same_time_lose_nothing(operator: Client, store: PostgresEventStore) -> None:
    """Each changes one of the three, over and over."""
    wishes = [{name: number} for number in range(1, 9) for name in ("credit", "quota", "overage")]
    replies = await asyncio.gather(*(operator.send("PUT", "/account", wish) for wish in wishes))

    assert {reply.status for reply in replies} == {200}
    seen = (await operator.get("/account")).json
    assert ledger.replay(await history_of(store, id_of(operator))).terms.as_tuple == terms_in(seen)
    assert None not in terms_in(seen)


async def test_an_operator_makes_an_account_with_a_key(operator: Client, store: PostgresEventStore) -> None:
    """Of an admin, who sees the account as it was made, with what it may send."""
    reply = await operator.post("/account", {"name": "New & Co", "credit": 5})
    made = reply.json
    theirs = Client(operator.url, operator.session, made["key"])

    assert (reply.status, reply.headers["Location"]) == (201, f"/account/{made['id']}")
    seen = (await theirs.get("/account")).json
    assert {name: seen[name] for name in seen.keys() & made.keys()} == {
        name: made[name] for name in seen.keys() & made.keys()
    }
    assert (seen["name"], terms_in(seen), seen["left"]["credit"]) == ("New & Co", (5, None, None), 5)
    assert (await theirs.get("/user")).json[0] == {
        "id": made["user_id"],
        "name": "admin",
        "role": "admin",
        "cdate": made["cdate"],
    }
    assert made["signupto"]["cid"] == made["account_id"] == made["id"]
    assert (await theirs.send("PUT", "/account", {"credit": 10})).status == 403
    assert ledger.replay(await history_of(store, made["id"])) == Ledger(Terms(5))
    assert operator.created is not None
    opened = (await store.read_stream(account_stream(made["id"])))[0]
    assert (opened.actor.account_id, opened.actor.user_id) == (made["id"], operator.created["user_id"])


async def test_a_name_is_one_account_s(operator: Client, database: Database) -> None:
    """Also of many who ask at once."""
    replies = await asyncio.gather(*(operator.post("/account", {"name": "Acme"}) for _ in range(6)))

    assert sorted(reply.status for reply in replies) == [201] + [409] * 5
    assert await database.fetch_value("SELECT count(*) FROM account WHERE name = 'Acme'") == 1
    assert (await operator.post("/account", {"name": "house"})).faults == {"name"}


async def test_a_repeat_makes_no_second_account_and_tells_no_key(operator: Client, database: Database) -> None:
    """What is told once is null in what is kept."""
    again = {"Idempotency-Key": "acme"}
    first, second = [await operator.post("/account", {"name": "Acme"}, headers=again) for _ in range(2)]
    secrets = {"key", "sailthru_secret", "signupto", "webhook_secret"}

    assert second.status == 201
    assert second.json == {name: None if name in secrets else value for name, value in first.json.items()}
    assert None not in {repr(first.json[name]) for name in secrets}
    kept = await database.fetch_value("SELECT body FROM idempotency")
    assert first.json["key"].encode() not in kept


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({}, {"name"}),
        ({"name": "", "user": " ", "credit": -1, "x": 1}, {"name", "user", "credit", "x"}),
        ({"name": "a\u2028b"}, {"name"}),
        ({"name": "x" * 256}, {"name"}),
    ],
)
async def test_every_fault_of_an_account_is_named(operator: Client, body: dict[str, Any], faults: set[str]) -> None:
    reply = await operator.post("/account", body)

    assert (reply.status, reply.faults) == (400, faults)
