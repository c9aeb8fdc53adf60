"""The bus inside one process. What it holds dies with the process: hints may, and events reach who listens then."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from shared.bus.handling import run_guarded
from shared.bus.hint_codec import Unreadable, decode_hint, encode_hint
from shared.bus.interface import ROLES, EventEnvelope, Hint, HintHandler, PublishFailed, Role
from shared.bus.listening import TaskListener
from shared.bus.topology import MOST_DEAD_LETTERS, MOST_HINTS

log = structlog.get_logger(__name__)

EventHandler = Callable[[EventEnvelope], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    body: bytes
    reason: str


class InProcess:
    """Hints pass as bytes, as they do over a broker, so that neither mode knows a hint that the other would refuse."""

    def __init__(self, most_hints: int = MOST_HINTS) -> None:
        """A role's hint that finds `most_hints` others waiting is refused."""
        self._waiting: dict[Role, asyncio.Queue[bytes]] = {role: asyncio.Queue(most_hints) for role in ROLES}
        self._listening: set[asyncio.Task[None]] = set()
        self._event_handlers: list[tuple[str, EventHandler]] = []
        self._closed = False
        self.dead_letters: deque[DeadLetter] = deque(maxlen=MOST_DEAD_LETTERS)

    async def hint(self, role: Role, hint: Hint) -> None:
        await self.put(role, encode_hint(hint))

    async def put(self, role: Role, body: bytes) -> None:
        self._refuse_if_closed()
        try:
            self._waiting[role].put_nowait(body)
        except asyncio.QueueFull:
            raise PublishFailed(f"{role} has too many hints waiting") from None

    async def listen(self, role: Role, handler: HintHandler) -> TaskListener:
        self._refuse_if_closed()
        task = asyncio.create_task(self._pass_on(self._waiting[role], handler))
        self._listening.add(task)
        task.add_done_callback(self._listening.discard)
        return TaskListener(task)

    async def publish(self, envelopes: Sequence[EventEnvelope]) -> None:
        """Returns when every handler that listens has had them all."""
        self._refuse_if_closed()
        for envelope in envelopes:
            for pattern, handler in self._event_handlers:
                if matches(pattern, envelope.routing_key):
                    await run_guarded(handler, envelope)

    def listen_events(self, pattern: str, handler: EventHandler) -> None:
        """Gives the handler each event whose routing key fits the pattern, as of a topic exchange, until closing."""
        self._event_handlers.append((pattern, handler))

    async def healthy(self) -> bool:
        return not self._closed

    async def close(self) -> None:
        self._closed = True
        self._event_handlers.clear()
        for task in self._listening:
            task.cancel()
        await asyncio.gather(*self._listening, return_exceptions=True)

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise PublishFailed("the bus is closed")

    async def _pass_on(self, waiting: asyncio.Queue[bytes], handler: HintHandler) -> None:
        while True:
            body = await waiting.get()
            hint = decode_hint(body)
            if isinstance(hint, Unreadable):
                log.warning("hint_parked", reason=hint.reason)
                self.dead_letters.append(DeadLetter(body, hint.reason))
            else:
                await run_guarded(handler, hint)
            await asyncio.sleep(0)  # a full queue and a quick handler would hold up everybody else


def matches(pattern: str, routing_key: str) -> bool:
    """As a topic exchange routes: `*` stands for one word, `#` for any number of them (AMQP 0-9-1, 3.1.3.3)."""
    return _fits(pattern.split("."), routing_key.split("."))


def _fits(pattern: Sequence[str], words: Sequence[str]) -> bool:
    """Part by part, with every number of words that the parts so far may stand for: no pattern costs more than its
    parts times the words, since strangers choose theirs.
    """
    taken = {0}
    for part in pattern:
        if part == "#":
            taken = set(range(min(taken), len(words) + 1)) if taken else taken
        else:
            taken = {place + 1 for place in taken if place < len(words) and part in ("*", words[place])}
    return len(words) in taken
