"""Where DNS is asked: a domain counts once its records are there, and mail comes from such a domain or not at all."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from services.api.app import start_api
from services.api.dns_lookup import DnsLookup
from services.api.look_at_domains import EAGER_SECONDS, PATIENT_SECONDS, SETTLED_SECONDS, DomainWatch
from shared.bus.in_process import InProcess
from shared.domain.dns_records import DomainTerms
from shared.event_store.handle_command import Handler
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.runtime import clock
from shared.runtime.settings import Settings, read_settings
from tests.integration.api.conftest import EMAIL_MESSAGE, LATER, SECRET, Client, Clients, count_events
from tests.integration.api.test_domain import add
from tests.servers.name_server import NameServer, name_server

Answer = dict[str, Any]


@pytest.fixture
def names() -> Iterator[NameServer]:
    with name_server() as server:
        yield server


@pytest.fixture
def settings(database_url: str, names: NameServer) -> Settings:
    """As in production, but for the name server."""
    given = {
        "POSTROOM_DATABASE_URL": database_url,
        "POSTROOM_BUS_URL": "inprocess:",
        "POSTROOM_SECRET": SECRET,
        "POSTROOM_API_PORT": "0",
        "POSTROOM_BOUNCE_DOMAIN": "bounce.example.net",
        "POSTROOM_MX_HOST": "in.example.net",
        "POSTROOM_DNS_SERVER": f"127.0.0.1:{names.port}",
    }
    return read_settings(given, frozenset({"DATABASE_URL", "BUS_URL", "SECRET"}))


def publish(names: NameServer, domain: Answer) -> None:
    for record in domain["dns"]:
        names.publish(record["type"], record["name"], record["value"])


async def looked(client: Client, domain: Answer, condition: Callable[[Answer], bool]) -> Answer:
    """As soon as it is so; a PUT has DNS looked at."""
    path = f"/domain/{domain['id']}"
    await client.put(path, {})
    async with asyncio.timeout(30):
        while True:
            answer: Answer = (await client.get(path)).json
            if condition(answer):
                return answer
            await asyncio.sleep(0.02)


async def verified(client: Client, names: NameServer, name: str = "example.com", **given: Any) -> Answer:
    made = await add(client, name, **given)
    publish(names, made)
    return await looked(client, made, lambda answer: not answer["missing"])


async def test_a_new_domain_has_everything_to_publish_yet(client: Client, database: Database) -> None:
    made = await add(client, bouncing=True, dkim_algorithm="ed25519-sha256")

    assert made["verified"] is False
    assert len(made["missing"]) == 5
    assert made["missing"] == made["dns"]
    assert [record["value"] for record in made["dns"]][::4] == [
        "v=spf1 include:bounce.example.net ~all",
        "10 in.example.net",
    ]


async def test_what_is_published_is_found(client: Client, names: NameServer) -> None:
    """A key of RSA is longer than one string of a record, and than an answer over UDP may be."""
    made = await verified(client, names, bouncing=True, dkim_algorithm="ed25519-sha256")

    assert made["verified"] is True
    assert {kind for kind, _ in names.asked} == {"TXT", "MX"}


async def test_its_key_alone_verifies_a_domain(client: Client, names: NameServer) -> None:
    made = await add(client, bouncing=True)
    publish(names, {"dns": [made["dns"][1]]})
    now = await looked(client, made, lambda answer: bool(answer["verified"]))

    assert now["missing"] == [record for record in made["dns"] if record != made["dns"][1]]


async def test_the_key_of_another_account_verifies_nothing(client: Client, clients: Clients, names: NameServer) -> None:
    """The same name belongs to whoever has published his key: both, if both did."""
    other = await clients.make(account="other", user="otto")
    await verified(client, names)
    theirs = await add(other)
    publish(names, {"dns": [record for record in theirs["dns"] if "_domainkey" not in record["name"]]})
    now = await looked(other, theirs, lambda answer: len(answer["missing"]) == 1)

    assert now["verified"] is False
    assert (await verified(other, names, "example.org"))["verified"] is True


@pytest.fixture
def watch(database: Database, store: PostgresEventStore, names: NameServer) -> DomainWatch:
    """Looks when it is told to."""
    terms = DomainTerms(True, "bounce.example.net", "in.example.net")
    return DomainWatch(database, Handler(store, clock.now), DnsLookup(("127.0.0.1", names.port)), terms)


async def look_now(database: Database, watch: DomainWatch) -> set[str]:
    """What is found then of the one domain there is."""
    await database.execute("UPDATE sending_domain SET look_at = now()")
    await watch.look()
    return set(await database.fetch_value("SELECT found FROM sending_domain"))


async def test_what_is_gone_no_longer_counts_but_silence_changes_nothing(
    unwatched: Client, names: NameServer, database: Database, watch: DomainWatch
) -> None:
    made = await add(unwatched)
    publish(names, made)
    everything = await look_now(database, watch)
    names.failing = True
    in_silence = await look_now(database, watch)
    names.failing = False
    names.records.clear()

    assert everything == in_silence == {"spf", "dkim-rsa", "dmarc"}
    assert await look_now(database, watch) == set()


async def test_nothing_new_is_no_event(
    unwatched: Client, names: NameServer, database: Database, watch: DomainWatch
) -> None:
    publish(names, await add(unwatched))
    await look_now(database, watch)
    before = await count_events(database)
    await look_now(database, watch)

    assert await count_events(database) == before


async def test_each_domain_is_looked_at_by_one_process_and_then_rests(
    unwatched: Client, names: NameServer, database: Database, watch: DomainWatch
) -> None:
    made = [await add(unwatched, f"n{number}.example.com") for number in range(3)]
    await asyncio.gather(*(watch.look() for _ in range(3)))
    await watch.look()
    texts = [name for kind, name in names.asked if kind == "TXT"]

    assert sorted(texts) == sorted(record["name"] for domain in made for record in domain["dns"])


@pytest.mark.parametrize(
    ("age", "found", "pause"),
    [(0, "{}", EAGER_SECONDS), (7200, "{}", PATIENT_SECONDS), (7200, "{dkim-rsa}", SETTLED_SECONDS)],
)
async def test_the_older_a_domain_the_longer_it_rests(
    unwatched: Client, database: Database, watch: DomainWatch, age: int, found: str, pause: float
) -> None:
    await add(unwatched)
    await database.execute("UPDATE sending_domain SET cdate = now() - $1 * interval '1 second'", age)
    await database.execute(f"UPDATE sending_domain SET found = '{found}'")
    await watch.look()
    rest = await database.fetch_value("SELECT extract(epoch FROM look_at - now())::float8 FROM sending_domain")

    assert pause - 30 < rest <= pause


async def test_a_removed_domain_is_not_looked_at(
    unwatched: Client, names: NameServer, database: Database, watch: DomainWatch
) -> None:
    made = await add(unwatched)
    await unwatched.send("DELETE", f"/domain/{made['id']}")
    await watch.look()

    assert names.asked == []


@pytest.fixture
async def unwatched(
    settings: Settings, database: Database, store: PostgresEventStore, bus: InProcess, client: Client
) -> AsyncIterator[Client]:
    """Of an api that asks no DNS, so that only the test does."""
    api = await start_api(replace(settings, dns_check=False), database, store, bus)
    yield Client(api.url, client.session, client.key)
    await api.stop()


REFUSED = "is no domain of this account whose key DNS shows"


async def test_a_message_is_sent_from_a_proven_domain_or_not_taken(
    client: Client, names: NameServer, database: Database
) -> None:
    await add(client)
    before = await count_events(database)
    refused = await client.post("/message", EMAIL_MESSAGE)

    assert (refused.status, refused.faults) == (400, {"from_email"})
    assert refused.json["errors"][0]["message"].startswith(f"example.com {REFUSED}")
    assert await count_events(database) == before
    await verified(client, names, "example.org")
    assert (await client.post("/message", {**EMAIL_MESSAGE, "from_email": "news@EXAMPLE.org"})).status == 201
    assert (await client.post("/message", {**EMAIL_MESSAGE, "from_email": "news@sub.example.org"})).status == 400


async def test_an_edit_must_name_a_proven_domain_too(client: Client, names: NameServer) -> None:
    await verified(client, names)
    made = (await client.post("/message", EMAIL_MESSAGE)).json
    refused = await client.put(f"/message/{made['id']}", {"from_email": "news@other.example"})

    assert (refused.status, refused.faults) == (400, {"from_email"})
    assert (await client.put(f"/message/{made['id']}", {"subject": "New"})).status == 200


async def test_the_domain_of_another_account_is_no_proof(client: Client, clients: Clients, names: NameServer) -> None:
    await verified(client, names)
    other = await clients.make(account="other", user="otto")

    assert (await other.post("/message", EMAIL_MESSAGE)).status == 400


async def test_a_text_message_needs_no_domain(client: Client) -> None:
    text = {"channel": "sms", "name": "Text", "sender": "Acme", "body": "Hi"}

    assert (await client.post("/message", text)).status == 201


async def test_a_task_is_refused_when_its_domain_no_longer_counts(
    client: Client, names: NameServer, database: Database
) -> None:
    """With everything else that is wrong with it."""
    domain = await verified(client, names)
    message = (await client.post("/message", EMAIL_MESSAGE)).json["id"]
    everybody = (await client.post("/list", {"name": "Everybody"})).json["id"]
    task = {"channel": "email", "list_id": everybody, "message_id": message, "name": "News", "scheduledtime": LATER}
    assert (await client.post("/task", task)).status == 201
    names.records.clear()
    await looked(client, domain, lambda answer: not answer["verified"])
    before = await count_events(database)
    refused, worse = await client.post("/task", task), await client.post("/task", {**task, "list_id": 99})

    assert (refused.status, refused.faults) == (400, {"message_id"})
    assert REFUSED in refused.json["detail"]
    assert (worse.status, worse.faults) == (400, {"message_id", "list_id"})
    assert await count_events(database) == before


async def test_a_proof_is_refused_when_its_domain_no_longer_counts(client: Client, names: NameServer) -> None:
    """It would go out unsigned."""
    domain = await verified(client, names)
    message = (await client.post("/message", EMAIL_MESSAGE)).headers["Location"]
    proof = {"to": ["ann@example.org"]}
    assert (await client.post(f"{message}/test", proof)).status == 202
    names.records.clear()
    await looked(client, domain, lambda answer: not answer["verified"])
    refused = await client.post(f"{message}/test", proof)

    assert (refused.status, refused.faults) == (409, {"from_email"})
    assert REFUSED in refused.json["detail"]
