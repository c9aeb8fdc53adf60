"""Hears what became of the messages: bound for as long as the process lives, as a transceiver that sends nothing.

A receipt is acknowledged when it is stored, not before: what cannot be stored the SMSC keeps and says again.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from services.dispatcher.channels.smpp.link import SmppLink, Timers
from services.dispatcher.channels.smpp.pdu import Command, NotSmpp, Pdu, read_delivery
from services.dispatcher.channels.smpp.smpp_address import SmppAddress
from services.dispatcher.decisions.read_receipt import Receipt, read_receipt

log = structlog.get_logger(__name__)

MOST_AT_ONCE: Final = 500  #: receipts that wait to be stored; beyond them the SMSC is told to wait
FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 30.0

_OK: Final = 0x00
_CANNOT_NOW: Final = 0x64  #: ESME_RX_T_APPN: temporary, say it again
_NOT_HERE: Final = 0x66  #: ESME_RX_R_APPN: rejected
_TOO_MANY: Final = 0x14  #: ESME_RMSGQFUL


class SmppReceiver:
    """``store`` returns once the receipt is committed; False: it cannot be now."""

    def __init__(
        self,
        address: SmppAddress,
        store: Callable[[Receipt], Awaitable[bool]],
        timers: Timers | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._address = address
        self._store = store
        self._timers = timers or Timers()
        self._tls = tls or (ssl.create_default_context() if address.tls else None)
        self._storing: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``; what is being stored then is stored and acknowledged."""
        stopping, loop = asyncio.create_task(stop.wait()), asyncio.get_running_loop()
        pause = FIRST_PAUSE_SECONDS
        while not stop.is_set():
            link, began = SmppLink(self._timers, self._hear), loop.time()
            refused = await link.open(self._address, Command.BIND_TRANSCEIVER, self._tls)
            if refused is not None:
                log.warning("no receipts are heard", action="smpp_not_bound", reason=refused.text)
            else:
                await self._listen(link, stopping)
                if loop.time() - began > LONGEST_PAUSE_SECONDS:
                    pause = FIRST_PAUSE_SECONDS
            # Also behind a bind that was good: an SMSC may end each session as soon as it stands.
            await asyncio.wait({stopping}, timeout=pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        stopping.cancel()

    async def _listen(self, link: SmppLink, stopping: "asyncio.Task[bool]") -> None:
        gone = asyncio.get_running_loop().create_future()
        link.on_gone = gone.set_result
        if link.gone is None:
            await asyncio.wait({gone, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if link.gone is None:
            link.on_gone = None
            await asyncio.gather(*self._storing, return_exceptions=True)
            await link.unbind()
        else:
            log.warning("receiver lost", action="smpp_receiver_lost", reason=link.gone)

    def _hear(self, link: SmppLink, pdu: Pdu) -> None:
        if len(self._storing) >= MOST_AT_ONCE:
            link.answer(pdu, _TOO_MANY, b"\0")
            return
        task = asyncio.create_task(self._take(link, pdu))
        self._storing.add(task)
        task.add_done_callback(self._storing.discard)

    async def _take(self, link: SmppLink, pdu: Pdu) -> None:
        link.answer(pdu, await self._status(pdu), b"\0")

    async def _status(self, pdu: Pdu) -> int:
        try:
            delivery = read_delivery(pdu)
        except NotSmpp as fault:
            log.warning("delivery not read", action="smpp_delivery_unreadable", reason=str(fault))
            return _NOT_HERE
        if not delivery.is_receipt:
            # A person wrote. Such messages come to the account's own address, which an SMSC does not know.
            log.warning("message for nobody", action="smpp_message_rejected")
            return _NOT_HERE
        receipt = read_receipt(delivery.text.decode("latin-1"), delivery.reference, delivery.state)
        if receipt is None:
            log.warning("receipt not read", action="smpp_receipt_unreadable")
            return _NOT_HERE
        return _OK if await self._store(receipt) else _CANNOT_NOW
