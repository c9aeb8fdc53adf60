"""Signs a batch's messages on other threads, a chunk ahead of what is being sent: neither the loop nor a connection
waits for a key.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from itertools import islice

from services.dispatcher.channels.interface import Outgoing

CHUNK = 32  #: messages signed together: some 8 ms of RSA-2048, long beside the way to the thread and back


class SignedAhead:
    """``composed``: without signatures; taken from a chunk at a time. ``sign``: contents, on any thread."""

    def __init__(self, composed: Iterator[Outgoing], sign: Callable[[bytes], bytes], threads: Executor) -> None:
        self._composed = composed
        self._sign = sign
        self._threads = threads
        self._signed: deque[Outgoing] = deque()
        self._signing = self._begin()

    async def more(self) -> bool:
        """Waits until a message is signed. False: there is none left. Raises what composing or signing raised."""
        if not self._signed and self._signing is not None:
            self._accept(await self._signing)
        return bool(self._signed)

    def take(self) -> Iterator[Outgoing]:
        """Those that are signed by now; it ends where signing is behind."""
        while self._signed:
            yield self._signed.popleft()
            if not self._signed and self._signing is not None and _is_well(self._signing):
                self._accept(self._signing.result())

    def give_up(self) -> None:
        """What was signed and not taken is not sent."""
        if self._signing is not None:
            self._signing.cancel()

    def _accept(self, chunk: list[Outgoing]) -> None:
        self._signed.extend(chunk)
        self._signing = self._begin()

    def _begin(self) -> "asyncio.Future[list[Outgoing]] | None":
        chunk = list(islice(self._composed, CHUNK))
        if not chunk:
            return None
        return asyncio.get_running_loop().run_in_executor(self._threads, _signed_of, self._sign, chunk)


def _signed_of(sign: Callable[[bytes], bytes], chunk: list[Outgoing]) -> list[Outgoing]:
    return [message._replace(content=sign(message.content)) for message in chunk]


def _is_well(signing: "asyncio.Future[list[Outgoing]]") -> bool:
    return signing.done() and not signing.cancelled() and signing.exception() is None
