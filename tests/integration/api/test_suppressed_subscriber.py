"""A POST of subscribers lifts nothing, also where an address is known by its hash alone; and what is suppressed of a
new subscriber's addresses applies to him.
"""

import asyncio
from typing import Any

import pytest

from shared.domain.identifiers import Channel, Instant
from shared.domain.suppression import Reason
from shared.postgres.database import Database
from shared.runtime.settings import Settings, read_settings
from shared.suppression.address_hash import AddressHashes
from shared.suppression.find import share_addresses_in
from shared.suppression.record import NewSuppression, suppress_in
from tests.integration.api.conftest import EMAIL_MESSAGE, LATER, SECRET, Client, count_events

OLD = AddressHashes([b"secret-secret-secret-secret-secret-"])
NEWER = "bmV3ZXItbmV3ZXItbmV3ZXItbmV3ZXItbmV3ZXItbmV3ZXIt"
NOON = Instant(1_800_000_000.0)


@pytest.fixture
def settings(database_url: str) -> Settings:
    """A newer secret was put in front since the suppressions were recorded."""
    given = {
        "POSTROOM_DATABASE_URL": database_url,
        "POSTROOM_BUS_URL": "inprocess:",
        "POSTROOM_SECRET": f"{NEWER},{SECRET}",
        "POSTROOM_DNS_CHECK": "off",
        "POSTROOM_API_PORT": "0",
    }
    return read_settings(given, frozenset({"DATABASE_URL", "BUS_URL", "SECRET"}))


@pytest.fixture
async def lists(client: Client) -> tuple[str, str]:
    """Where subscribers of two lists are posted."""
    ids = [(await client.post("/list", {"name": name})).json["id"] for name in ("Everybody", "Others")]
    return f"/list/{ids[0]}/subscriber", f"/list/{ids[1]}/subscriber"


async def suppress(
    database: Database, reason: Reason, address: str = "ann@x.org", channel: Channel = "email", **given: Any
) -> None:
    """Of somebody whose address was erased."""
    account_id = await database.fetch_value("SELECT id FROM account WHERE name = 'acme'")
    wanted = NewSuppression(account_id, channel, address, reason, "test", **given)
    async with database.transaction() as connection:
        await suppress_in(connection, OLD, [wanted], NOON, f"{reason} {address}")
    await database.execute("UPDATE suppression SET address = NULL WHERE subscriber_id IS NULL")


async def owners(database: Database) -> list[tuple[int | None, str | None]]:
    rows = await database.fetch("SELECT subscriber_id, address FROM suppression ORDER BY id")
    return [(row["subscriber_id"], row["address"]) for row in rows]


async def size(client: Client, list_id: int, channel: Channel) -> int:
    """Of a new task to this list."""
    text = {"channel": "sms", "name": "Text", "sender": "Acme", "body": "Hi"}
    message = await client.post("/message", EMAIL_MESSAGE if channel == "email" else text)
    task = {
        "channel": channel,
        "list_id": list_id,
        "message_id": message.json["id"],
        "name": "x",
        "scheduledtime": LATER,
    }
    found: int = (await client.post("/task", task)).json["size"]
    return found


@pytest.mark.parametrize(
    ("reason", "given"),
    [
        pytest.param("hard_bounce", {}, id="hard bounce"),
        pytest.param("soft_bounces", {}, id="soft bounces"),
        pytest.param("complaint", {}, id="complaint"),
        pytest.param("manual", {}, id="by hand"),
        pytest.param("opted_out", {}, id="opted out"),
        pytest.param("opted_out", {"marketing_only": True}, id="opted out of marketing"),
        pytest.param("unsubscribed", {"list_id": 1}, id="unsubscribed from this list"),
        pytest.param("complaint", {"list_id": 1}, id="complaint of this list"),
    ],
)
async def test_an_erased_address_is_not_imported_back(
    client: Client, lists: tuple[str, str], database: Database, reason: Reason, given: dict[str, Any]
) -> None:
    """Nobody is made, whatever the spelling; the others of the batch are."""
    await suppress(database, reason, **given)
    before = await count_events(database)
    one = await client.post(lists[0], {"email": "Ann@x.org"})
    unchanged = await count_events(database)
    many = (await client.post(lists[0], [{"email": "ANN@x.org"}, {"email": "bob@x.org"}])).json

    assert (one.status, one.faults) == (409, {"email"})
    assert unchanged == before
    assert (many["created"], many["skipped"], many["failed"]) == (1, 1, 0)
    assert many["ids"][0] is None
    assert await database.fetch_value("SELECT count(*) FROM subscriber") == 1
    assert await owners(database) == [(None, None)]


async def test_who_unsubscribed_from_one_list_may_join_another(
    client: Client, lists: tuple[str, str], database: Database
) -> None:
    """And is known by then, so that the first list stays closed to him."""
    await suppress(database, "unsubscribed", list_id=1)
    joined = await client.post(lists[1], {"email": "Ann@x.org"})
    again = (await client.post(lists[0], [{"email": "ann@x.org", "vars": {"a": 1}}])).json

    assert joined.status == 201
    assert await owners(database) == [(joined.json["id"], "Ann@x.org")]
    assert (again["skipped"], again["ids"]) == (1, [joined.json["id"]])
    assert await database.fetch_value("SELECT count(*) FROM subscription WHERE list_id = 1") == 0


async def test_of_two_addresses_the_other_is_written_to(
    client: Client, lists: tuple[str, str], database: Database
) -> None:
    """The suppression applies to the new subscriber: he gets no email, but texts."""
    await suppress(database, "hard_bounce")
    posted = await client.post(lists[0], {"email": "ann@x.org", "telephone": "+447700900123"})

    assert posted.status == 201
    assert await owners(database) == [(posted.json["id"], "ann@x.org")]
    assert (await size(client, 1, "email"), await size(client, 1, "sms")) == (0, 1)


async def test_who_gets_a_suppressed_address_is_suppressed_there(
    client: Client, lists: tuple[str, str], database: Database
) -> None:
    """And no more, once he has another one."""
    await client.post(lists[0], {"email": "old@x.org", "external_id": "e1"})
    await suppress(database, "complaint")
    sizes = [await size(client, 1, "email")]
    for change in ({"email": "ann@x.org", "telephone": "+447700900123"}, {"email": "new@x.org"}):
        assert (await client.post(lists[0], {"external_id": "e1", **change})).status == 201
        sizes.append(await size(client, 1, "email"))

    assert sizes == [1, 0, 1]


async def test_who_is_suppressed_is_not_changed(client: Client, lists: tuple[str, str], database: Database) -> None:
    """As who has left: the same person posted alone is answered as he stands."""
    known = (await client.post(lists[0], {"email": "ann@x.org", "vars": {"a": 1}})).json
    await suppress(database, "complaint")
    again = await client.post(lists[0], {"email": "ann@x.org", "vars": {"a": 2}})

    assert (again.status, again.json) == (201, known)
    assert await owners(database) == [(known["id"], "ann@x.org")]


async def is_one_waiting(database: Database) -> None:
    async with asyncio.timeout(20):
        while not await database.fetch_value(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        ):
            await asyncio.sleep(0.01)


async def test_an_address_suppressed_while_it_is_posted_is_seen(
    client: Client, lists: tuple[str, str], database: Database
) -> None:
    """The POST waits for the suppression under way."""
    wanted = NewSuppression(1, "email", "ann@x.org", "manual", "test")
    async with database.transaction() as connection:
        await suppress_in(connection, OLD, [wanted], NOON, "1")
        posting = asyncio.create_task(client.post(lists[0], {"email": "ann@x.org"}))
        await is_one_waiting(database)

    assert (await posting).status == 409


async def test_a_subscriber_made_while_his_address_is_suppressed_is_found(database: Database) -> None:
    """And the suppression for the POST under way."""

    async def suppress_meanwhile() -> None:
        async with database.transaction() as connection:
            await suppress_in(connection, OLD, [NewSuppression(1, "email", "ann@x.org", "manual", "test")], NOON, "1")

    async with database.transaction() as connection:
        await share_addresses_in(connection, 1)
        await connection.execute(
            "INSERT INTO subscriber (id, account_id, email, cdate) VALUES (5, 1, 'Ann@x.org', now())"
        )
        suppressing = asyncio.create_task(suppress_meanwhile())
        await is_one_waiting(database)
    await suppressing

    assert await owners(database) == [(5, "ann@x.org")]
