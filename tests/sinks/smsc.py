"""A real SMSC for the tests: the SMPP server of a package, its answers scripted, with a ledger of what it took."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

import smpp34

from services.standalone.private_process import free_port


@dataclass(frozen=True)
class Submitted:
    """One message in the ledger."""

    session: str
    source: str
    destination: str
    text: bytes
    data_coding: int
    number: int  #: from 1
    message_id: str


#: (number of the submit_sm, from 1; destination) -> status to refuse with, 0: accepted, None: never answered
Script = Callable[[int, str], int | None]


@dataclass
class Smsc:
    """``async with Smsc(script) as smsc``: listens on ``smsc.port``; receipts go out with ``receipt``."""

    script: Script = lambda number, destination: 0
    port: int = field(default_factory=free_port)
    ledger: list[Submitted] = field(default_factory=list)
    sessions: dict[str, smpp34.Esme] = field(default_factory=dict)
    binds: int = 0
    submits: int = 0
    _silent: list[object] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        self._server = smpp34.Server("127.0.0.1", self.port, system_id="smsc")
        await self._server.start()
        self._task = asyncio.create_task(self._serve())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await self._server.stop()

    @property
    def receivers(self) -> list[smpp34.Esme]:
        return [session for session in self.sessions.values() if session.can_receive]

    async def receipt(self, submitted: Submitted, stat: str, *, error: str = "000") -> bool:
        """As SMSCs write it (SMPP 3.4, appendix B), to the first receiver. Whether that one took it."""
        dates = "submit date:2611241200 done date:2611241201"
        text = f"id:{submitted.message_id} sub:001 dlvrd:001 {dates} stat:{stat} err:{error} text:Hello"
        answer = await self.receivers[0].deliver_sm(
            source_addr=submitted.destination,
            destination_addr=submitted.source,
            esm_class=0x04,
            short_message=text.encode("latin-1"),
        )
        return answer.is_success

    async def _serve(self) -> None:
        while True:
            event = await self._server.next()
            if isinstance(event, smpp34.Esme):
                self.binds += 1
                self.sessions[event.session_id] = event
            elif isinstance(event, smpp34.Unbound):
                self.sessions.pop(event.session_id, None)
            else:
                self._judge(event)

    def _judge(self, event: smpp34.SubmitSmEvent) -> None:
        self.submits += 1
        status = self.script(self.submits, event.destination_addr)
        if status is None:
            self._silent.append(event)  # answered with an error when it is forgotten
        elif status:
            event.reject(status)
        else:
            self._take(event)

    def _take(self, event: smpp34.SubmitSmEvent) -> None:
        payload = [tlv.value for tlv in event.tlvs if tlv.tag == 0x0424]
        message_id = f"{0xABC000 + self.submits:X}"
        self.ledger.append(
            Submitted(
                event.session_id,
                event.source_addr,
                event.destination_addr,
                event.short_message or b"".join(payload),
                event.data_coding,
                self.submits,
                message_id,
            )
        )
        event.accept(message_id)
