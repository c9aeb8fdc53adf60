"""Hearing receipts from a real SMSC, as the one who is bound to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from services.dispatcher.channels.interface import Outgoing
from services.dispatcher.channels.smpp.link import Timers
from services.dispatcher.channels.smpp.pdu import RESPONSE, PduReader, encode
from services.dispatcher.channels.smpp.receiver import SmppReceiver
from services.dispatcher.channels.smpp.smpp_address import SmppAddress
from services.dispatcher.channels.smpp.transmitter import SmppTransmitter
from services.dispatcher.decisions.read_receipt import Receipt
from tests.integration.test_smpp_transmitter import Heard
from tests.sinks.smsc import Smsc, Submitted

FAST = Timers(answer=5.0, enquire=0.2, tick=0.02)


@asynccontextmanager
async def receiving(smsc: Smsc, store: Callable[[Receipt], Awaitable[bool]]) -> AsyncIterator[None]:
    stop = asyncio.Event()
    receiver = SmppReceiver(SmppAddress("127.0.0.1", smsc.port, "postroom", "secret"), store, FAST)
    task = asyncio.create_task(receiver.run(stop))
    try:
        async with asyncio.timeout(20):
            while not smsc.receivers:
                await asyncio.sleep(0.01)
        yield
    finally:
        stop.set()
        await task
        await asyncio.sleep(0)


async def one_submitted(smsc: Smsc) -> Submitted:
    channel = SmppTransmitter(SmppAddress("127.0.0.1", smsc.port, "postroom", "secret"), FAST)
    await channel.send_all([Outgoing(0, b"Acme", b"+447700900000", b"Hello")], Heard())
    await channel.close()
    return smsc.ledger[-1]


async def test_a_receipt_is_acknowledged_once_it_is_stored() -> None:
    stored: list[Receipt] = []
    may_store = asyncio.Event()

    async def store(receipt: Receipt) -> bool:
        await may_store.wait()
        stored.append(receipt)
        return True

    async with Smsc() as smsc, receiving(smsc, store):
        submitted = await one_submitted(smsc)
        acknowledged = asyncio.create_task(smsc.receipt(submitted, "DELIVRD"))
        await asyncio.sleep(0.1)
        before = acknowledged.done()
        may_store.set()

        assert await acknowledged
    assert not before
    assert stored == [Receipt(submitted.message_id, "delivered", "")]


async def test_what_cannot_be_stored_is_left_with_the_smsc() -> None:
    async def store(_: Receipt) -> bool:
        return False

    async with Smsc() as smsc, receiving(smsc, store):
        assert not await smsc.receipt(await one_submitted(smsc), "DELIVRD")


async def test_a_message_that_a_person_wrote_is_rejected_not_swallowed() -> None:
    async def store(_: Receipt) -> bool:
        raise AssertionError("nothing to store")

    async with Smsc() as smsc, receiving(smsc, store):
        answer = await smsc.receivers[0].deliver_sm("12345", b"Hello", source_addr="447700900000")

    assert not answer.is_success


async def test_a_receiver_that_lost_its_smsc_binds_again() -> None:
    """The SMSC goes away and comes back on the same port: receipts are heard as before."""
    stored: list[Receipt] = []

    async def store(receipt: Receipt) -> bool:
        stored.append(receipt)
        return True

    async with Smsc() as first, receiving(first, store):
        await first.receivers[0].unbind()
        async with asyncio.timeout(20):
            while first.binds < 2:
                await asyncio.sleep(0.02)
        assert await first.receipt(await one_submitted(first), "UNDELIV", error="007")

    assert [receipt.status for receipt in stored] == ["undeliverable"]


async def test_an_smsc_that_ends_each_session_is_bound_to_now_and_then() -> None:
    """Not as fast as it can say so."""
    binds: list[float] = []

    async def end_session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (bind,) = PduReader().feed(await reader.read(1000))
        binds.append(asyncio.get_running_loop().time())
        writer.write(encode(bind.command | RESPONSE, bind.sequence, b"smsc\0"))
        writer.close()

    async def store(_: Receipt) -> bool:
        raise AssertionError("nothing to store")

    stop, server = asyncio.Event(), await asyncio.start_server(end_session, "127.0.0.1", 0)
    address = SmppAddress("127.0.0.1", server.sockets[0].getsockname()[1], "postroom", "secret")
    running = asyncio.create_task(SmppReceiver(address, store, FAST).run(stop))
    async with asyncio.timeout(20):
        while len(binds) < 2:
            await asyncio.sleep(0.02)
    stop.set()
    await running
    server.close()

    assert binds[1] - binds[0] >= 0.9
