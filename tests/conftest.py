"""Fixtures of all tests. Servers start when the first test that needs one is about to run; unit tests touch none."""

import itertools
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack

import hypothesis
import pytest

from tests.servers import databases
from tests.servers.backends import Broker, Offer, Server, ServerMissing, made
from tests.servers.postgres import DURABLE, choose_postgres
from tests.servers.rabbitmq import choose_rabbitmq

# How long an example takes is the machine's affair: no test fails by it.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

_RUN = f"postroom_test_{os.getpid()}"  # names what a run puts on a server that was given to it
_COUNT = itertools.count(1)
_SERVERS = pytest.StashKey[ExitStack]()
_BROKER = pytest.StashKey["Broker | ServerMissing"]()


def pytest_report_header() -> list[str]:
    """Which servers the tests will run on."""
    choices: dict[str, Callable[[], Offer[Server]]] = {
        "postgres": lambda: choose_postgres(os.environ),
        "rabbitmq": lambda: choose_rabbitmq(os.environ),
    }
    header = []
    for name, choose in choices.items():
        try:
            offer = choose()
            header.append(f"{name}: {offer.kind}, {offer.describe()}")
        except ServerMissing as missing:
            header.append(f"{name}: {missing}")
    return header


def pytest_collection_finish(session: pytest.Session) -> None:
    """The broker takes seconds to start: it does so while tests run that need none."""
    needed = any("amqp_url" in getattr(item, "fixturenames", ()) for item in session.items)
    if needed and not session.config.option.collectonly:
        servers = session.config.stash.setdefault(_SERVERS, ExitStack())
        try:
            broker = servers.enter_context(made(choose_rabbitmq(os.environ)))
            broker.launch()
            session.config.stash[_BROKER] = broker
        except ServerMissing as missing:
            session.config.stash[_BROKER] = missing


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash.get(_SERVERS, ExitStack()).close()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A server for all tests, by the URL of an owner of everything; it does not wait for the disk."""
    try:
        with made(choose_postgres(os.environ)) as server:
            server.start()
            yield server.url
    except ServerMissing as missing:
        pytest.fail(f"no Postgres: {missing}", pytrace=False)


@pytest.fixture(scope="session")
async def template_database(postgres_url: str) -> AsyncIterator[str]:
    """The name of a database with the whole schema and no rows."""
    from shared.postgres.migrate import migrate  # a broken schema fails the tests that need it, alone

    name = f"{_RUN}_template"
    await migrate(await databases.create(postgres_url, name))
    yield name
    await databases.drop(postgres_url, name)


@pytest.fixture
async def database_url(postgres_url: str, template_database: str) -> AsyncIterator[str]:
    """A migrated database of this test alone."""
    name = f"{_RUN}_{next(_COUNT)}"
    yield await databases.create(postgres_url, name, template=template_database)
    await databases.drop(postgres_url, name)


@pytest.fixture(scope="session")
def amqp_url(request: pytest.FixtureRequest) -> str:
    """A broker for all tests: whoever declares something gives it the test's own prefix."""
    broker = request.config.stash[_BROKER]
    if isinstance(broker, ServerMissing):
        pytest.fail(f"no RabbitMQ: {broker}", pytrace=False)
    broker.wait()
    return broker.url


@pytest.fixture
def amqp_prefix() -> str:
    """Begins the names of what this test declares on the broker."""
    return f"{_RUN}_{next(_COUNT)}."


@pytest.fixture
def private_postgres() -> Iterator[Server]:
    """A durable server of this test alone, started, to be stopped and killed; it has no schema yet."""
    with made(choose_postgres(os.environ, DURABLE, ours=True)) as server:
        server.start()
        yield server


@pytest.fixture
def private_rabbitmq() -> Iterator[Broker]:
    """A broker of this test alone, started, to be stopped and killed."""
    with made(choose_rabbitmq(os.environ, ours=True)) as broker:
        broker.start()
        yield broker
