"""No key sees, counts or changes what is another's: thousands of requests at random, of every operation there is."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

import pytest

from services.api.app import start_api
from shared.bus.in_process import InProcess
from shared.domain.identifiers import shard_of
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database, Row
from shared.runtime.settings import Settings
from tests.integration.api.conftest import Client, Clients
from tests.integration.api.strangers import (
    NUMBER,
    Population,
    Request,
    Stranger,
    populate,
    post_message_and_task,
    restart_ids,
    tokens,
)

OF_EACH = 5_000  #: requests of one account about the other's
OF_MEMBER = 2_000
AT_ONCE = 24

#: By which of its columns a row belongs to an account.
OWNED = """
SELECT relname AS name, attname AS by
  FROM pg_class
 CROSS JOIN LATERAL (
       SELECT attname
         FROM pg_attribute
        WHERE attrelid = pg_class.oid AND attname IN ('account_id', 'task_id', 'list_id', 'message_id', 'domain_id')
        ORDER BY array_position(ARRAY['account_id', 'task_id', 'list_id', 'message_id', 'domain_id'], attname::text)
        LIMIT 1) AS owning
 WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
 ORDER BY relname"""
OWNERS = {"task_id": "task", "list_id": "list", "message_id": "message", "domain_id": "sending_domain"}


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Database]:
    owner = await Database.connect(database_url, role=None, connections=1)
    yield owner
    await owner.close()


async def rows_of(owner: Database, account_id: int) -> dict[str, str]:
    """All that the account has, by table."""
    found = {}
    for row in await owner.fetch(OWNED):
        table, by = row["name"], row["by"]
        whose = f"SELECT id FROM {OWNERS[by]} WHERE account_id = $1" if by in OWNERS else "$1"
        rows = f"SELECT {table}::text AS row FROM {table} WHERE {by} IN ({whose})"
        every = f"SELECT coalesce(string_agg(row, E'\\n' ORDER BY row), '') FROM ({rows}) AS r"
        found[table] = await owner.fetch_value(every, account_id)
    return found


async def collections(client: Client) -> dict[str, tuple[str | None, bytes]]:
    """What is said to everything that can be asked for without an id, and how many there are."""
    paths = (await client.get("/openapi.json")).json["paths"]
    listed = [path for path, methods in paths.items() if "{" not in path + "".join(methods) and "get" in methods]
    found = {}
    for path in listed:
        async with client.session.get(client.url + path, headers={"Authorization": f"Bearer {client.key}"}) as reply:
            found[path] = (reply.headers.get("X-Total-Count"), await reply.read())
    return found


async def ask(client: Client, request: Request) -> tuple[int, set[str]]:
    """The status, and what the answer gives away that the request did not say."""
    headers = {"Authorization": f"Bearer {client.key}", "Content-Type": "application/json"}
    url = client.url + request.path
    async with client.session.request(request.method, url, data=request.body, headers=headers) as reply:
        text = f"{dict(reply.headers)} {await reply.text()}"
        assert reply.status < 500, (request, text)
        return reply.status, tokens(text) - request.said


async def attack(client: Client, stranger: Stranger, theirs: set[str], count: int) -> Counter[str]:
    """Asks so often; no answer may name anything of ``theirs``. How often each operation was got through to."""
    said: set[str] = set()
    through: Counter[str] = Counter()
    requests = stranger.requests(count)

    async def go_on() -> None:
        for request in requests:
            said.update(word for word in request.said if not word.isdigit())
            status, told = await ask(client, request)
            assert not told & theirs - said, (request, status, told & theirs - said)
            through[request.operation] += status in (200, 201, 202, 204, 404, 409)

    await asyncio.gather(*(go_on() for _ in range(AT_ONCE)))
    return through


@dataclass
class Pair:
    """Two clients of two accounts, each through an API of its own, whose new ids go on where its last ones are."""

    alpha: Client
    bravo: Client
    own: dict[str, Population]


@pytest.fixture
async def pair(
    clients: Clients, settings: Settings, owner: Database, database: Database, store: PostgresEventStore, bus: InProcess
) -> AsyncIterator[Pair]:
    await restart_ids(owner, 7_300_000)
    alpha = await clients.make(account="markalpha", user="ann-markalpha")
    own = {"alpha": await populate(alpha, "markalpha")}
    await restart_ids(owner, 8_400_000)
    second = await start_api(settings, database, store, bus)
    made = await clients.make(account="markbravo", user="bob-markbravo")
    bravo = replace(made, url=second.url)
    own["bravo"] = await populate(bravo, "markbravo")
    for mark, who in own.items():
        await freeze(owner, who.ids["task_id"][0], mark)
    yield Pair(alpha, bravo, own)
    await second.stop()


async def freeze(owner: Database, task_id: int, mark: str) -> None:
    """So that there is a contact record to be seen, of a task of one recipient."""
    shard = int(shard_of(task_id))
    await owner.execute("SELECT ensure_task_partitions($1)", task_id)
    await owner.execute("UPDATE task SET started = true, recipients = 1, excluded = '{}' WHERE id = $1", task_id)
    await owner.execute("INSERT INTO sending (shard, task_id, frozen) VALUES ($1, $2, true)", shard, task_id)
    await owner.execute(
        "INSERT INTO contact_record (shard, task_id, ordinal, subscriber_id, address) VALUES ($1, $2, 0, 1, $3)",
        shard,
        task_id,
        f"frozen@mark{mark}.example",
    )


async def description_of(client: Client) -> dict[str, Any]:
    described: dict[str, Any] = (await client.get("/openapi.json")).json
    return described


def account_of(client: Client) -> int:
    assert client.created is not None
    return client.created["account_id"]


async def test_ten_thousand_requests_give_nothing_of_another_account_away(pair: Pair, owner: Database) -> None:
    """Nor do they change anything of it; most operations were got through to, and their owner sees what was sought."""
    description = await description_of(pair.alpha)
    for (mine, who), (yours, whose) in permutations((("alpha", pair.alpha), ("bravo", pair.bravo))):
        rows = await rows_of(owner, account_of(whose))
        theirs = tokens(str(rows)) - tokens(str(await rows_of(owner, account_of(who))))
        stranger = Stranger(description, pair.own[mine], pair.own[yours], seed=OF_EACH)
        through = await attack(who, stranger, theirs, OF_EACH)

        assert await rows_of(owner, account_of(whose)) == rows
        assert sum(times > 0 for times in through.values()) > 0.9 * len(through), through
        reads = Stranger(description, pair.own[yours], pair.own[yours], seed=1)
        seen = [await ask(whose, request) for request in reads.requests(300) if request.method == "GET"]
        assert sum(bool(told & theirs) for _, told in seen) > len(seen) / 4


async def test_what_is_another_s_is_answered_as_what_there_is_not(pair: Pair) -> None:
    """In the same words, by each operation that names something in its path: so there is no way to ask what exists."""
    stranger = Stranger(await description_of(pair.alpha), pair.own["alpha"], pair.own["bravo"], seed=3)
    compared: Counter[int] = Counter()
    for operation in [each for each in stranger.operations if "{" in each[1]] * 3:
        theirs, nobodys = stranger.pair_of(*operation)
        answers = [await answer_to(pair.alpha, request) for request in (theirs, nobodys)]
        assert answers[0] == answers[1], (theirs, nobodys)
        compared[answers[0][0]] += 1

    assert compared[404] > compared.total() / 3, compared
    assert not compared[200]


async def answer_to(client: Client, request: Request) -> tuple[int, str]:
    """The status, and what is said but for the numbers."""
    headers = {"Authorization": f"Bearer {client.key}", "Content-Type": "application/json"}
    url = client.url + request.path
    async with client.session.request(request.method, url, data=request.body, headers=headers) as reply:
        return reply.status, NUMBER.sub("number", await reply.text())


async def test_what_others_have_changes_no_listing_and_no_count(clients: Clients, database: Database) -> None:
    """Everything that can be listed, before and after another account came to have some of it."""
    ann = await clients.make(account="markann", user="ann")
    await populate(ann, "markann")
    before = await collections(ann)
    await populate(await clients.make(account="markmia", user="mia"), "markmia")

    assert await collections(ann) == before


async def test_a_member_finds_nothing_of_the_messages_and_tasks_of_others(
    clients: Clients, owner: Database, client: Client
) -> None:
    """Thousands of requests of a member about what an admin of his own account has made."""
    await restart_ids(owner, 7_300_000)
    made = await populate(client, "markann")
    await freeze(owner, made.ids["task_id"][0], "ann")
    member = await clients.make(user="mia", role="member")
    own = Population(words=["list-markmia"])
    await post_message_and_task(member, "markmia", made.ids["list_id"][0], own)
    hidden = {"task_id": made.ids["task_id"], "message_id": made.ids["message_id"]}
    theirs = {str(number) for numbers in hidden.values() for number in numbers} | {
        f"{kind}-markann" for kind in ("message", "subject", "text", "sms", "body", "task")
    }
    rows = await rows_hidden(owner, hidden)
    stranger = Stranger(await description_of(client), own, replace(made, ids={**made.ids, **hidden}), seed=2)
    await attack(member, stranger, theirs, OF_MEMBER)

    assert await rows_hidden(owner, hidden) == rows


async def rows_hidden(owner: Database, hidden: dict[str, list[int]]) -> list[list[Row]]:
    tables = {"task_id": "task", "message_id": "message"}
    return [
        await owner.fetch(f"SELECT * FROM {tables[kind]} WHERE id = ANY ($1) ORDER BY id", ids)
        for kind, ids in hidden.items()
    ]
