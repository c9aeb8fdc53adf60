"""Sending over SMPP to a real SMSC."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest

from services.dispatcher.channels.interface import Outcome, OutcomeKind, Outgoing, Stage
from services.dispatcher.channels.smpp.link import Timers
from services.dispatcher.channels.smpp.smpp_address import SmppAddress
from services.dispatcher.channels.smpp.transmitter import SmppTransmitter
from tests.sinks.smsc import Script, Smsc

FAST = Timers(answer=0.5, enquire=0.1, tick=0.02)


class Heard:
    """The sender's hooks: what was asked and what was answered, in order."""

    def __init__(self, held_back: int | None = None) -> None:
        self.dots: list[int] = []
        self.outcomes: dict[int, Outcome] = {}
        self._held_back = held_back

    def before_dot(self, ordinal: int) -> bool:
        if ordinal == self._held_back:
            return False
        self.dots.append(ordinal)
        return True

    def may_begin_again(self) -> bool:
        return True

    def on_outcome(self, ordinal: int, outcome: Outcome) -> None:
        assert ordinal not in self.outcomes
        self.outcomes[ordinal] = outcome

    def kinds(self) -> list[str]:
        return [str(self.outcomes[ordinal].kind) for ordinal in sorted(self.outcomes)]


def texts(count: int, text: str = "Hello", sender: bytes = b"Acme") -> Iterable[Outgoing]:
    for ordinal in range(count):
        yield Outgoing(ordinal, sender, b"+447700900%03d" % ordinal, text.encode())


@asynccontextmanager
async def transmitter(smsc: Smsc, window: int = 5) -> AsyncIterator[SmppTransmitter]:
    channel = SmppTransmitter(SmppAddress("127.0.0.1", smsc.port, "postroom", "secret", window=window), FAST)
    yield channel
    await channel.close()
    await asyncio.sleep(0)  # what was aborted is closed in the next turn


async def send(script: Script, count: int, window: int = 5) -> tuple[Smsc, Heard, Outcome | None]:
    heard = Heard()
    async with Smsc(script) as smsc, transmitter(smsc, window) as channel:
        stopped = await channel.send_all(texts(count), heard)
    return smsc, heard, stopped


async def test_every_message_is_taken_once_and_named_by_the_smsc() -> None:
    smsc, heard, stopped = await send(lambda number, destination: 0, 100)

    assert stopped is None
    assert heard.kinds() == ["accepted"] * 100
    assert sorted(entry.destination for entry in smsc.ledger) == [f"447700900{n:03}" for n in range(100)]
    assert {outcome.text for outcome in heard.outcomes.values()} == {f"id {entry.message_id}" for entry in smsc.ledger}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        pytest.param(0x0B, "refused", id="an address that does not exist"),
        pytest.param(0x65, "refused", id="a permanent error of the application"),
        pytest.param(0x08, "deferred", id="a system error passes"),
        pytest.param(0x64, "deferred", id="a temporary error of the application"),
        pytest.param(0x4FF, "deferred", id="a status of the provider's own"),
    ],
)
async def test_what_is_said_of_one_message_concerns_it_alone(status: int, kind: str) -> None:
    _, heard, stopped = await send(lambda number, _: status if number == 3 else 0, 6)

    assert stopped is None
    assert sorted(heard.kinds()) == sorted(["accepted"] * 5 + [kind])


async def test_a_sender_that_is_refused_stops_the_transport_and_bounces_nobody() -> None:
    _, heard, stopped = await send(lambda number, _: 0x0A if number > 2 else 0, 50, window=1)

    assert stopped is not None
    assert stopped.kind is OutcomeKind.BLOCKED
    assert heard.kinds() == ["accepted", "accepted", "blocked"]


async def test_throttling_spends_no_attempt_and_slows_us_down() -> None:
    """The message is free to go again; after a pause the others go on, one by one."""
    began = asyncio.get_running_loop().time()
    smsc, heard, stopped = await send(lambda number, _: 0x58 if number == 1 else 0, 4, window=1)

    assert stopped is None
    assert heard.kinds() == ["unsent", "accepted", "accepted", "accepted"]
    assert asyncio.get_running_loop().time() - began >= 0.9
    assert len(smsc.ledger) == 3


async def test_the_window_is_never_exceeded() -> None:
    """An SMSC that answers nothing has as many messages as the window, and all of them are in doubt."""
    smsc, heard, stopped = await send(lambda number, _: None, 50, window=7)

    assert smsc.submits == 7
    assert stopped is not None
    assert stopped.kind is OutcomeKind.DOUBTFUL
    assert heard.kinds() == ["doubtful"] * 7


async def test_what_is_held_back_before_its_dot_is_not_sent() -> None:
    heard = Heard(held_back=2)
    async with Smsc() as smsc, transmitter(smsc, window=1) as channel:
        stopped = await channel.send_all(texts(5), heard)

    assert stopped is not None
    assert heard.kinds() == ["accepted", "accepted", "unsent"]
    assert smsc.submits == 2


async def test_nobody_there_is_no_attempt() -> None:
    heard = Heard()
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # held, so that nobody else takes it; it listens to no one
        async with transmitter(Smsc(port=nobody.getsockname()[1])) as channel:
            stopped = await channel.send_all(texts(3), heard)

    assert stopped is not None
    assert (stopped.kind, stopped.stage) == (OutcomeKind.UNSENT, Stage.CONNECT)
    assert heard.outcomes == {}


async def test_an_idle_link_is_kept_alive_by_asking_whether_somebody_is_there() -> None:
    """Longer than both of the answer's deadline and the silence that is borne; then it still sends."""
    heard = Heard()
    async with Smsc() as smsc, transmitter(smsc) as channel:
        await channel.send_all(texts(1), heard)
        await asyncio.sleep(0.7)
        await channel.send_all(texts(1, "again"), Heard())

    assert smsc.binds == 1
    assert [entry.text for entry in smsc.ledger] == [b"Hello", b"again"]


@pytest.mark.parametrize(
    ("text", "coding", "octets"),
    [
        pytest.param("Price: 5€ [net]", 0, b"Price: 5\x1be \x1b<net\x1b>", id="the extension table"),
        pytest.param("@£$¥è", 0, b"\x00\x01\x02\x03\x04", id="the basic alphabet"),
        pytest.param("Æß", 0, b"\x1c\x1e", id="behind the escape"),
        pytest.param("Привет 😀", 8, "Привет 😀".encode("utf-16-be"), id="UTF-16 with a surrogate pair"),
        pytest.param("x" * 400, 0, b"x" * 400, id="longer than a part"),
    ],
)
async def test_texts_arrive_as_they_are(text: str, coding: int, octets: bytes) -> None:
    async with Smsc() as smsc, transmitter(smsc) as channel:
        await channel.send_all(texts(1, text), Heard())

    assert [(entry.data_coding, entry.text) for entry in smsc.ledger] == [(coding, octets)]
