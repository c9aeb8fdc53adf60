"""A relay far away: it takes every mail and keeps none, and each command takes it some milliseconds.

As a program: ``python -m bench.slow_sink PORT LATENCY_SECONDS`` until SIGTERM; it appends how many it took to stdout.
"""

import asyncio
import sys
from collections import deque
from typing import cast

_END = b"\r\n.\r\n"


class Conversation(asyncio.Protocol):
    def __init__(self, latency: float, took: "Tally") -> None:
        self._latency = latency
        self._took = took
        self._rest = b""
        self._in_content = False
        self._answers: deque[bytes] = deque()  #: those to come; the first is on its way
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(b"220 far.example ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._rest += data
        while (answer := self._next()) is not None:
            self._answers.append(answer)
            if len(self._answers) == 1:
                self._answer_later()

    def _next(self) -> bytes | None:
        """The answer to what is there whole."""
        if self._in_content:
            _, end, rest = self._rest.partition(_END)
            if not end:
                return None
            self._in_content, self._rest = False, rest
            self._took.count += 1
            return b"250 2.0.0 Ok\r\n"
        line, end, rest = self._rest.partition(b"\r\n")
        if not end:
            return None
        self._rest, verb = rest, line[:4].upper()
        if verb == b"DATA":
            self._in_content = True
            return b"354 go ahead\r\n"
        return b"250-far.example\r\n250 PIPELINING\r\n" if verb == b"EHLO" else b"250 2.1.0 Ok\r\n"

    def _answer_later(self) -> None:
        asyncio.get_running_loop().call_later(self._latency, self._answer)

    def _answer(self) -> None:
        self._transport.write(self._answers.popleft())
        if self._answers:
            self._answer_later()


class Tally:
    def __init__(self) -> None:
        self.count = 0


async def serve(port: int, latency: float) -> None:
    took, shown = Tally(), 0
    server = await asyncio.get_running_loop().create_server(lambda: Conversation(latency, took), "127.0.0.1", port)
    async with server:
        while True:
            await asyncio.sleep(0.02)
            if took.count != shown:
                shown = took.count
                sys.stdout.write(f"mesg={shown}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))
