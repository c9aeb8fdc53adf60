"""Hints after a commit, sent on the side: no answer waits for the bus or fails with it. A sweep finds the rest."""

import asyncio
from dataclasses import replace
from typing import Final

import structlog

from shared.bus.interface import Hint, Hints, PublishFailed, Role
from shared.runtime import tracing

log = structlog.get_logger(__name__)

MOST_UNDER_WAY: Final = 256  #: a bus that is stuck must not fill the memory with hints


class Hinter:
    def __init__(self, bus: Hints) -> None:
        self._bus = bus
        self._under_way: set[asyncio.Task[None]] = set()

    def send(self, role: Role, hint: Hint) -> None:
        if len(self._under_way) < MOST_UNDER_WAY:
            sending = asyncio.create_task(self._send(role, hint))
            self._under_way.add(sending)
            sending.add_done_callback(self._under_way.discard)

    async def _send(self, role: Role, hint: Hint) -> None:
        try:
            with tracing.span("hint", topic=hint.topic):
                await self._bus.hint(role, replace(hint, traceparent=tracing.current()))
        except PublishFailed as error:
            log.info("hint not sent", action="hint_not_sent", topic=hint.topic, reason=str(error)[:200])

    async def close(self) -> None:
        for sending in self._under_way:
            sending.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
