"""The network between any two parts fails in each way it knows: timers fire, nothing hangs, nobody is lost."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

import aio_pika
import pytest

from shared.bus.hint_codec import encode_hint
from shared.bus.interface import Hint
from tests.audience import post_task
from tests.faults.counting_relay import CountingRelay
from tests.faults.installation import PROGRESS_SECONDS, Installation, account_for, installed
from tests.faults.measured import Measured
from tests.faults.persistent_caller import calling
from tests.faults.processes import ServiceProcess
from tests.servers import databases
from tests.servers.tcp_proxy import TcpProxy
from tests.sinks.receiver import Receiver

PEOPLE: Final = 400
CUT_OFF_PEOPLE: Final = 1_500
FAULT_SECONDS: Final = 1.5
HALF_OPEN: Final = "half-open"
MESSAGE: Final = {
    "channel": "email",
    "name": "Autumn",
    "subject": "Autumn",
    "from_email": "news@example.com",
    "text": "Autumn {{ unsubscribe_url }}",
}
#: By link, what the test is called by.
LINKS: Final = (
    "api-postgres",
    "dispatcher-postgres",
    "tracker-postgres",
    "dispatcher-broker",
    "dispatcher-relay",
    "tracker-callback",
)


@contextmanager
def reset(proxy: TcpProxy, _: random.Random) -> Iterator[None]:
    proxy.reset()
    yield


@contextmanager
def half_open(proxy: TcpProxy, _: random.Random) -> Iterator[None]:
    proxy.half_open()
    yield


@contextmanager
def cut_after(proxy: TcpProxy, dice: random.Random) -> Iterator[None]:
    proxy.cut_after(dice.randint(1, 20_000))
    yield


#: What a network does, while the block lasts.
KINDS: Final[Mapping[str, Callable[[TcpProxy, random.Random], Any]]] = {
    "reset": reset,
    "black hole": lambda proxy, dice: proxy.frozen(),
    "one way": lambda proxy, dice: proxy.frozen(dice.choice(("up", "down"))),
    "delay": lambda proxy, dice: proxy.slow(0.2),
    "drip": lambda proxy, dice: proxy.slow(0.01, 1),
    "cut in mid-sentence": cut_after,
    HALF_OPEN: half_open,
}


@dataclass
class Network:
    """An installation of which each part reaches the others over a line of its own."""

    installation: Installation
    lines: dict[str, TcpProxy]
    receiver: Receiver
    broker_url: str
    tasks: Iterator[int] = field(default_factory=lambda: count(100))
    sent: list[int] = field(default_factory=list)

    async def work(self, link: str) -> Callable[[], Awaitable[None]]:
        """Begins something that goes over the link; what is answered waits until it is done."""
        match link:
            case "api-postgres":
                return self._made
            case "dispatcher-broker":
                return self._heard
            case "tracker-callback":
                return await self._called()
            case _:
                task_id = next(self.tasks)
                await post_task(self.installation.database, PEOPLE, number=task_id)
                self.sent.append(task_id)
                return lambda: self.installation.completed(task_id)

    async def _made(self) -> None:
        async with calling(self.installation, f"net{next(self.tasks)}") as caller:
            await caller.accepted(3)

    async def _heard(self) -> None:
        """A hint leaves the queue, and somebody listens there again."""
        async with await aio_pika.connect(self.broker_url) as connection:
            channel = await connection.channel()
            body = encode_hint(Hint("batches_ready"))
            await channel.default_exchange.publish(aio_pika.Message(body), "postroom.dispatcher", timeout=10)
            async with asyncio.timeout(PROGRESS_SECONDS):
                while True:
                    queue = await channel.declare_queue("postroom.dispatcher", passive=True)
                    told = queue.declaration_result
                    if not told.message_count and told.consumer_count:
                        return
                    await asyncio.sleep(0.1)

    async def _called(self) -> Callable[[], Awaitable[None]]:
        campaign, called = (
            await start_campaign(self.installation, self.lines["tracker-callback"].url, next(self.tasks)),
            self.receiver,
        )

        async def told() -> None:
            path = f"POST /{campaign} "
            async with asyncio.timeout(PROGRESS_SECONDS):
                while not any(request.line.startswith(path) for request in called.requests):
                    await asyncio.sleep(0.05)

        return told


async def start_campaign(installation: Installation, url: str, number: int) -> str:
    """Its path at the receiver: it calls back there."""

    call = installation.call
    made = await call("POST", "/list", {"name": f"Everybody {number}"})
    await call("POST", f"/list/{made['id']}/subscriber", {"email": "reader@example.com"})
    path = f"campaign{number}"
    domain = await call("POST", "/domain", {"name": f"{path}.example.com", "bouncing": True})
    wish = {"name": "Autumn", "list": made["id"], "domain": domain["id"], "event_callback": f"{url}/{path}"}
    campaign = await call("POST", "/campaign", wish)
    message = await call("POST", "/message", MESSAGE)
    await call("POST", f"/campaign/{campaign['id']}/payload", {"channel": "email", "message_id": message["id"]})
    await call("PUT", f"/campaign/{campaign['id']}", {"when": 0, "state": "SCHEDULED"})
    return path


@pytest.fixture(scope="module")
async def network(
    postgres_url: str, template_database: str, amqp_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Network]:
    """One for all tests of this file."""
    name = f"{template_database}_network"
    database_url = await databases.create(postgres_url, name, template=template_database)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(databases.drop, postgres_url, name)
        relay = await stack.enter_async_context(CountingRelay(seconds_each=0.002))
        receiver = await stack.enter_async_context(Receiver())
        ends = [*[database_url] * 3, amqp_url, relay.url, receiver.url]
        lines = {link: await stack.enter_async_context(TcpProxy(end)) for link, end in zip(LINKS, ends, strict=True)}
        changes = {
            service: {"POSTROOM_DATABASE_URL": lines[f"{service}-postgres"].url}
            for service in ("api", "dispatcher", "tracker")
        }
        changes["dispatcher"] |= {
            "POSTROOM_BUS_URL": lines["dispatcher-broker"].url,
            "POSTROOM_SMTP_URL": lines["dispatcher-relay"].url,
        }
        folder = tmp_path_factory.mktemp("network")
        installation = await stack.enter_async_context(installed(database_url, amqp_url, folder, changes, relay))
        yield Network(installation, lines, receiver, amqp_url)


def plan(dice: random.Random, rounds: int) -> list[tuple[str, str]]:
    """Link and kind: in a round each link once and each kind at least once, in any order."""
    # A relay that vanishes without a word is waited for as long as RFC 5321 asks: ten minutes.
    possible = [(link, kind) for link in LINKS for kind in KINDS if (link, kind) != ("dispatcher-relay", HALF_OPEN)]
    chosen: list[tuple[str, str]] = []
    for _ in range(rounds):
        dice.shuffle(possible)
        links, kinds = set(LINKS), set(KINDS)
        for link, kind in possible:
            if link in links or kind in kinds:
                if kind == HALF_OPEN and kind not in kinds:
                    continue
                chosen.append((link, kind))
                links.discard(link)
                kinds.discard(kind)
    return chosen


@pytest.mark.timeout(300)
@pytest.mark.fault(
    "F19",
    "a line fails: reset, black hole, one way, delay, drip, cut in mid-sentence, half-open; between each two parts",
    expects="timers fire, nothing hangs, nobody lost",
)
async def test_a_line_fails(network: Network, dice: random.Random, rounds: int, measured: Measured) -> None:
    for link, kind in plan(dice, rounds):
        done = await network.work(link)
        with KINDS[kind](network.lines[link], dice):
            waiting = asyncio.ensure_future(done())
            await asyncio.wait([waiting], timeout=FAULT_SECONDS)
        over = time.monotonic()
        try:
            await waiting
        except Exception as error:
            raise AssertionError(f"{kind} between {link}: {error!r}") from error
        stalled = time.monotonic() - over
        measured.add(cuts=1, **{f"stalled_{'half_open_' if kind == HALF_OPEN else ''}seconds": stalled})
    for task_id in network.sent:
        await account_for(network.installation, task_id, PEOPLE, measured)
    measured.add(rounds=rounds)


@pytest.mark.timeout(300)
@pytest.mark.fault(
    "F20",
    "one of two dispatchers loses its network: Postgres, bus and relay",
    expects="the other one takes over when the lease has run out; who may have got a message is listed",
)
async def test_a_dispatcher_is_cut_off(network: Network, dice: random.Random, rounds: int, measured: Measured) -> None:
    installation, other = network.installation, second_dispatcher(network.installation)
    lines = [network.lines[f"dispatcher-{end}"] for end in ("postgres", "broker", "relay")]
    try:
        for _ in range(rounds):
            task_id = next(network.tasks)
            await post_task(installation.database, CUT_OFF_PEOPLE, number=task_id)
            await installation.sent(dice.randint(1, CUT_OFF_PEOPLE // 2))
            with ExitStack() as stack:
                for line in lines:
                    stack.enter_context(line.frozen())
                cut_off = time.monotonic()
                await installation.quiet()  # what was on its way has arrived
                other.start()
                await installation.sent(1)
                measured.add(cuts=1, taken_over_seconds=time.monotonic() - cut_off)
                await installation.completed(task_id)
            other.stop()
            await account_for(installation, task_id, CUT_OFF_PEOPLE, measured)
            # Back in the network, and of use again: what it still held was lost to the other one.
            task_id = next(network.tasks)
            await post_task(installation.database, PEOPLE, number=task_id)
            await installation.completed(task_id)
            await account_for(installation, task_id, PEOPLE, measured)
    finally:
        other.kill()
    measured.add(rounds=rounds)


def second_dispatcher(installation: Installation) -> ServiceProcess:
    """On lines that nothing happens to, not yet started."""
    first = installation.services["dispatcher"]
    straight = {**first.environment, **installation.common, "POSTROOM_METRICS_PORT": "0"}
    straight["POSTROOM_JOURNAL_DIR"] += "-of-the-other"
    return ServiceProcess("dispatcher", straight, first.log.with_name("other-dispatcher.log"))
