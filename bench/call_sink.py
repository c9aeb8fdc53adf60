"""An endpoint for callbacks, as a process of its own: answers every POST with 200 at once, or never.

`python -m bench.call_sink PORT answer|hang`
"""

import asyncio
import re
import sys

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Endpoint(asyncio.Protocol):
    def __init__(self, *, answers: bool) -> None:
        self._answers = answers
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head = self._received.find(b"\r\n\r\n")
        if head < 0:
            return
        length = _LENGTH.search(self._received, 0, head)
        whole = head + 4 + (int(length[1]) if length else 0)
        if self._answers and len(self._received) >= whole:
            del self._received[:whole]
            self._transport.write(_OK)


async def serve(port: int, *, answers: bool) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Endpoint(answers=answers), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), answers=sys.argv[2] == "answer"))
