"""What the suite promises of the servers it runs on."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import aio_pika
import pytest

from shared.postgres.database import Database
from tests.servers.answers import amqp_answers, postgres_answers
from tests.servers.backends import Broker, GivenServer, Offer, Server, ServerMissing, choose, data_folder


def port_of(server: Server) -> int:
    return urlsplit(server.url).port or 0


async def test_each_test_gets_a_migrated_database_of_its_own(database_url: str, postgres_url: str) -> None:
    """The schema is there; the server's own database has none of it."""
    database = await Database.connect(database_url, role=None, connections=1)
    server = await Database.connect(postgres_url, role=None, connections=1)
    present = "SELECT to_regclass('public.migration') IS NOT NULL"

    assert await database.fetch_value(present)
    assert not await server.fetch_value(present)
    await database.close()
    await server.close()


async def test_a_killed_postgres_comes_back_with_its_data_on_its_port(private_postgres: Server) -> None:
    url = private_postgres.url
    database = await Database.connect(url, role=None, connections=1)
    await database.execute("CREATE TABLE kept AS SELECT 7 AS number")
    await database.close()

    private_postgres.kill()
    assert not postgres_answers(port_of(private_postgres), "postroom")
    private_postgres.start()

    database = await Database.connect(url, role=None, connections=1)
    assert await database.fetch_value("SELECT number FROM kept") == 7
    await database.close()


async def test_a_killed_broker_comes_back_with_its_messages_on_its_port(private_rabbitmq: Broker) -> None:
    """A classic queue: a quorum queue younger than half a second does not survive kill -9 on RabbitMQ 3.10."""
    url = private_rabbitmq.url
    letter = aio_pika.Message(b"seven", delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
    async with await aio_pika.connect(url) as connection, connection.channel() as channel:
        await channel.declare_queue("kept", durable=True)
        await channel.default_exchange.publish(letter, "kept", timeout=10)

    private_rabbitmq.kill()
    assert not amqp_answers(port_of(private_rabbitmq))
    private_rabbitmq.launch()
    await asyncio.to_thread(private_rabbitmq.wait)

    async with await aio_pika.connect(url) as connection, connection.channel() as channel:
        queue = await channel.get_queue("kept")
        async with queue.iterator(timeout=20) as messages:
            assert (await anext(messages)).body == b"seven"


async def test_the_broker_of_the_session_takes_clients(amqp_url: str, amqp_prefix: str) -> None:
    async with await aio_pika.connect(amqp_url) as connection, connection.channel() as channel:
        queue = await channel.declare_queue(f"{amqp_prefix}letters", exclusive=True)

        assert queue.name.startswith("postroom_test_")


def offer(kind: str, here: str | None) -> Offer[Server]:
    return Offer(kind, lambda: here, lambda folder: GivenServer(f"{kind}://"))  # type: ignore[arg-type]  # any word will do


HERE = [offer("url", None), offer("docker", None), offer("local", "binaries"), offer("unpack", "packages")]


@pytest.mark.parametrize(
    ("offers", "forced", "ours", "chosen"),
    [
        pytest.param(HERE, None, False, "local", id="the first that is to be had"),
        pytest.param(HERE, "unpack", False, "unpack", id="the one asked for"),
        pytest.param([offer("url", "given"), *HERE], None, False, "url", id="a given one before all"),
        pytest.param([offer("url", "given"), *HERE], None, True, "local", id="but never to be killed"),
        pytest.param([offer("url", "given"), *HERE], "url", True, "local", id="not even when asked for"),
    ],
)
def test_the_choice_of_a_server(offers: list[Offer[Server]], forced: str | None, ours: bool, chosen: str) -> None:
    assert choose(offers, forced, "", ours=ours).kind == chosen


@pytest.mark.parametrize("forced", ["docker", "dokcer"])
def test_no_server_is_a_failure_that_names_what_helps(forced: str) -> None:
    with pytest.raises(ServerMissing, match=rf"(?s){forced}.*apt-get install it"):
        choose(HERE, forced, "apt-get install it")


def test_a_given_server_is_never_killed(tmp_path: Path) -> None:
    with pytest.raises(NotImplementedError):
        GivenServer("postgresql://somebody/else").kill()


def test_data_lie_in_memory_where_there_is_room(tmp_path: Path) -> None:
    """And on the disk otherwise."""
    folders = [data_folder(memory, room) for memory, room in ((tmp_path, 0), (tmp_path, 1 << 62), (tmp_path / "no", 0))]
    for folder in folders:
        folder.rmdir()

    assert [folder.parent == tmp_path for folder in folders] == [True, False, False]
