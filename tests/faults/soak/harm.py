"""Harm at random: services killed, stopped and paused, hosts set wrong, lines cut, Postgres away, hints repeated."""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, get_args

import aio_pika
import asyncpg

from shared.bus.hint_codec import encode_hint
from shared.bus.interface import Hint, Topic
from tests.faults.installation import SERVICES, Installation, alive
from tests.faults.start_again import start_again
from tests.faults.test_network_lost import HALF_OPEN, KINDS
from tests.faults.test_postgres_lost import set_read_only, stop_at_once
from tests.servers.backends import Server
from tests.servers.tcp_proxy import TcpProxy

BETWEEN_SECONDS: Final = (0.5, 2.5)
LASTS_SECONDS: Final = (0.1, 2.0)
SKEWS: Final = (0.0, 600.0, -600.0, 86_400.0, -86_400.0)
HINTS: Final = 100
RELAY: Final = "relay"


@dataclass
class Harm:
    """``lines``: from the services to their servers, by what is at the other end. The second of each service is spared:
    of it is measured what it takes up.
    """

    installation: Installation
    postgres: Server
    lines: Mapping[str, TcpProxy]
    bus_url: str
    dice: random.Random
    done: "Counter[str]" = field(default_factory=Counter)

    async def go_on(self, enough: asyncio.Event) -> None:
        """One after the other, all kinds in turn; each is over before the next begins."""
        kinds: Mapping[str, Callable[[], Awaitable[None]]] = {
            "F2": self._kill_one,
            "F5": self._kill_all,
            "F6": self._pause,
            "F7": self._restart,
            "F8": self._stop_postgres,
            "F9": self._make_read_only,
            "F17": self._repeat_hints,
            "F19": self._break_line,
            "F30": self._set_wrong,
        }
        while not enough.is_set():
            for kind in self.dice.sample(sorted(kinds), len(kinds)):
                await asyncio.sleep(self.dice.uniform(*BETWEEN_SECONDS))
                if enough.is_set():
                    return
                self.revive()
                await kinds[kind]()
                self.done[kind] += 1

    def revive(self) -> None:
        """As whatever runs services does with one that has given up: started while Postgres was away."""
        for service in self.installation.services.values():
            if service.process is None or service.process.poll() is not None:
                service.start()
                self.done["revived"] += 1

    def _lasts(self) -> float:
        return self.dice.uniform(*LASTS_SECONDS)

    async def _kill_one(self) -> None:
        service = self.installation.services[self.dice.choice(SERVICES)]
        service.kill()
        await asyncio.sleep(self._lasts() / 2)
        service.start()

    async def _kill_all(self) -> None:
        services = [self.installation.services[name] for name in self.dice.sample(SERVICES, len(SERVICES))]
        for service in services:
            service.kill()
        for service in self.dice.sample(services, len(services)):
            service.start()

    async def _pause(self) -> None:
        service = self.installation.services[self.dice.choice(SERVICES)]
        assert service.process is not None
        service.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(self._lasts())
        service.go_on()

    async def _restart(self) -> None:
        """One that has just been started is given time to learn how to stop."""
        name = self.dice.choice(SERVICES)
        service = self.installation.services[name]
        await alive(self.installation, name)
        assert await asyncio.to_thread(service.stop) == 0, f"{service.name} did not stop well, see {service.log}"
        service.start()

    async def _stop_postgres(self) -> None:
        await stop_at_once(self.postgres)
        await asyncio.sleep(self._lasts())
        await start_again(self.postgres)

    async def _make_read_only(self) -> None:
        switch = await asyncpg.connect(self.postgres.url)
        await set_read_only(switch, "on")
        await asyncio.sleep(self._lasts())
        await set_read_only(switch, "off")
        await switch.close()

    async def _repeat_hints(self) -> None:
        """To everybody who listens, in any order."""
        hints = [encode_hint(Hint(topic)) for topic in get_args(Topic)]
        async with await aio_pika.connect(self.bus_url) as connection:
            channel = await connection.channel()
            for _ in range(HINTS):
                message = aio_pika.Message(self.dice.choice(hints))
                await channel.default_exchange.publish(message, "postroom.dispatcher", timeout=10)

    async def _break_line(self) -> None:
        # A relay that vanishes without a word is waited for as long as RFC 5321 asks: ten minutes.
        name = self.dice.choice(sorted(self.lines))
        kind = self.dice.choice([kind for kind in sorted(KINDS) if (name, kind) != (RELAY, HALF_OPEN)])
        with KINDS[kind](self.lines[name], self.dice):
            await asyncio.sleep(self._lasts())

    async def _set_wrong(self) -> None:
        """The host it is started on next."""
        service = self.installation.services[self.dice.choice(SERVICES)]
        service.kill()
        service.set_clock_wrong(self.dice.choice(SKEWS))
        service.start()
