"""One TCP connection to a gateway: a request out in one write, its answer in, and a deadline for it."""

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from services.dispatcher.channels.sms_http.answers import Answer, AnswerReader, NotHttp
from services.dispatcher.channels.sms_http.gateway_address import GatewayAddress


@dataclass(frozen=True, slots=True)
class Timers:
    """Seconds for each step."""

    connect: float = 30.0
    tls: float = 30.0
    answer: float = 120.0  #: from the last byte of a request; shorter means more that nobody knows the fate of


class NoAnswer(Exception):
    """The request is out and there will be no answer to it; the text says why."""


class GatewayConnection(asyncio.Protocol):
    def __init__(self) -> None:
        self.gone: str | None = "never connected"  #: why it ended; None while it lasts
        self.answered = 0  #: requests that had an answer
        self._reader = AnswerReader()
        self._awaited: asyncio.Future[Answer] | None = None

    @property
    def is_usable(self) -> bool:
        """As far as it is known here."""
        return self.gone is None and not self._transport.is_closing()

    async def dial(self, gateway: GatewayAddress, timers: Timers, tls: ssl.SSLContext | None) -> None:
        """Raises OSError (ssl.SSLError and TimeoutError are such)."""
        loop = asyncio.get_running_loop()
        handshake = timers.tls if tls else None
        async with asyncio.timeout(timers.connect + (handshake or 0.0)):
            await loop.create_connection(
                lambda: self,
                gateway.host,
                gateway.port,
                ssl=tls,
                ssl_handshake_timeout=handshake,
                server_hostname=gateway.host if tls else None,
            )

    async def ask(self, request: bytes, seconds: float) -> Answer:
        """Nothing is waited for before the write. Raises NoAnswer, and then the connection is gone."""
        self._awaited = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            async with asyncio.timeout(seconds):
                answer = await self._awaited
        except TimeoutError:
            self.drop("the gateway took too long")
            late = self._reader.end()
            if late is None:
                raise NoAnswer("no answer in time") from None
            answer = late
        finally:
            self._awaited = None
        self.answered += 1
        if not answer.reusable:
            self.drop("the gateway wants no further request here")
        return answer

    def drop(self, reason: str) -> None:
        """Ends it at once."""
        if self.gone is None:
            self.gone = reason
            self._transport.abort()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.gone, self._transport = None, cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._awaited is None:
            self.drop("the gateway spoke unasked")
            return
        try:
            answer = self._reader.feed(data)
        except NotHttp as fault:
            self.drop(str(fault))
            self._end(str(fault))
        else:
            if answer is not None and not self._awaited.done():
                self._awaited.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        reason = f"the connection was lost: {exc}" if exc else "the gateway closed the connection"
        self.gone = self.gone or reason
        self._end(reason)

    def _end(self, reason: str) -> None:
        if self._awaited is not None and not self._awaited.done():
            with suppress(NotHttp):
                answer = self._reader.end()
                if answer is not None:
                    self._awaited.set_result(answer)
                    return
            self._awaited.set_exception(NoAnswer(reason))
