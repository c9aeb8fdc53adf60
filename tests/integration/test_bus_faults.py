"""What the bus on RabbitMQ does when the broker, or the way to it, fails."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiormq import Channel

from shared.bus.interface import Bus, Hint, PublishFailed
from shared.bus.letters import event_letter, post
from shared.bus.on_rabbitmq import OnRabbitMQ
from shared.bus.watching import Patience
from tests.contract.bus_contract import Heard, event, until
from tests.contract.rabbitmq_rig import RabbitRig
from tests.servers.backends import Broker
from tests.servers.tcp_proxy import TcpProxy

QUICK = Patience(step=2, hint=1, events=2, look=0.2, pause=0.2)
SELDOM = Patience(look=3600)
HANG = 30.0  # by then nothing would come any more


@pytest.fixture
async def proxy(amqp_url: str) -> AsyncIterator[TcpProxy]:
    async with TcpProxy(amqp_url) as proxy:
        yield proxy


@pytest.fixture
async def rig(proxy: TcpProxy, amqp_prefix: str) -> AsyncIterator[RabbitRig]:
    """A quick bus behind the proxy."""
    async with RabbitRig(proxy.url, amqp_prefix, QUICK) as rig:
        yield rig


async def hint_in_the_end(bus: Bus, hint: Hint) -> None:
    """As long as the bus refuses, again."""
    async with asyncio.timeout(HANG):
        while True:
            try:
                return await bus.hint("dispatcher", hint)
            except PublishFailed:
                await asyncio.sleep(0.05)


async def restart(broker: Broker) -> None:
    broker.launch()
    await asyncio.to_thread(broker.wait)


async def publish_in_the_end(bus: Bus, batches: int, confirmed: set[str]) -> None:
    """A hundred at a time, each batch as often as it is refused; notes what was confirmed."""
    for batch in range(batches):
        events = [event(number) for number in range(batch * 100, batch * 100 + 100)]
        while events:
            try:
                await bus.publish(events)
                confirmed.update(envelope.id for envelope in events)
                events = []
            except PublishFailed:
                await asyncio.sleep(0.05)


async def test_a_killed_broker_loses_nothing_confirmed(private_rabbitmq: Broker, amqp_prefix: str) -> None:
    """Killed in the middle of publishing: everything confirmed before and after is there, and hints flow again."""
    heard = Heard()
    confirmed: set[str] = set()
    async with RabbitRig(private_rabbitmq.url, amqp_prefix, QUICK) as rig:
        audit = await rig.channel.declare_queue("audit", durable=True, arguments={"x-queue-type": "quorum"})
        await audit.bind(rig.names.events.name, "#")
        # In order once: RabbitMQ 3.10 writes down half a second late that it has a quorum queue.
        private_rabbitmq.stop()
        await restart(private_rabbitmq)
        async with await rig.bus.listen("dispatcher", heard), asyncio.TaskGroup() as group:
            publishing = group.create_task(publish_in_the_end(rig.bus, 20, confirmed))
            await until(lambda: len(confirmed) >= 500)
            private_rabbitmq.kill()
            assert not publishing.done()
            await restart(private_rabbitmq)
            await hint_in_the_end(rig.bus, Hint("task_due", key=2))
            await until(lambda: Hint("task_due", key=2) in heard.hints)
        await rig.reach_in()
        stored = {letter.message_id for letter in await rig.take_all("audit")}

    assert len(confirmed) == 2000
    assert confirmed <= stored


async def test_a_start_without_a_broker(proxy: TcpProxy, amqp_prefix: str) -> None:
    """Listening begins, publishing fails in time, closing works; once the broker comes, everything does."""
    await proxy.shut()
    heard = Heard()
    bus = OnRabbitMQ(proxy.url, amqp_prefix, QUICK)
    async with asyncio.timeout(HANG), await bus.listen("dispatcher", heard):
        with pytest.raises(PublishFailed):
            await bus.hint("dispatcher", Hint("task_due"))
        with pytest.raises(PublishFailed):
            await bus.publish([event(1)])
        assert not await bus.healthy()
        await proxy.open()
        await hint_in_the_end(bus, Hint("task_due", key=7))
        await until(lambda: Hint("task_due", key=7) in heard.hints)
        await bus.publish([event(1)])
        assert await bus.healthy()
    await bus.close()


async def test_an_empty_broker_is_furnished_again(proxy: TcpProxy, amqp_url: str, amqp_prefix: str) -> None:
    """It comes back having lost everything: exchanges, queues and bindings."""
    heard = Heard()
    bus = OnRabbitMQ(proxy.url, amqp_prefix, QUICK)
    async with RabbitRig(amqp_url, amqp_prefix, SELDOM) as rig, await bus.listen("dispatcher", heard):
        await bus.hint("dispatcher", Hint("task_due", key=1))
        await until(lambda: bool(heard.hints))
        await proxy.shut()
        await rig.remove_all()
        await proxy.open()
        await hint_in_the_end(bus, Hint("task_due", key=2))
        await until(lambda: Hint("task_due", key=2) in heard.hints)
        await rig.put_raw("dispatcher", b"poison")
        await hint_in_the_end(bus, Hint("task_due", key=3))
        await until(lambda: Hint("task_due", key=3) in heard.hints)

        assert await rig.reasons() == ["not JSON"]
        await bus.close()


async def test_a_silent_network_is_left_behind(proxy: TcpProxy, rig: RabbitRig) -> None:
    """Connections that stay open and carry nothing: publishing fails in time, and the next look notices."""
    heard = Heard()
    async with asyncio.timeout(HANG), await rig.bus.listen("dispatcher", heard):
        await rig.bus.hint("dispatcher", Hint("task_due", key=1))
        await until(lambda: bool(heard.hints))
        with proxy.frozen():
            with pytest.raises(PublishFailed):
                await rig.bus.publish([event(1)])
            with pytest.raises(PublishFailed):
                await rig.bus.hint("dispatcher", Hint("task_due", key=2))
            while await rig.bus.healthy():
                await asyncio.sleep(0.02)
        await hint_in_the_end(rig.bus, Hint("task_due", key=3))
        await until(lambda: Hint("task_due", key=3) in heard.hints)


async def test_a_deleted_queue_comes_back_with_its_listener(amqp_url: str, amqp_prefix: str) -> None:
    """The broker cancels the consumer and says so once: nothing waits for the next look."""
    heard = Heard()
    async with RabbitRig(amqp_url, amqp_prefix, SELDOM) as rig, await rig.bus.listen("dispatcher", heard):
        await rig.bus.hint("dispatcher", Hint("task_due", key=1))
        await until(lambda: bool(heard.hints))
        await rig.channel.queue_delete(rig.names.hints["dispatcher"].name)
        await hint_in_the_end(rig.bus, Hint("task_due", key=2))
        await until(lambda: Hint("task_due", key=2) in heard.hints)


async def test_a_hint_that_no_queue_takes_is_refused(amqp_url: str, amqp_prefix: str) -> None:
    """Instead of being confirmed and lost, as the broker would have it."""
    async with RabbitRig(amqp_url, amqp_prefix, SELDOM) as rig:
        await rig.bus.hint("dispatcher", Hint("task_due"))
        await rig.channel.queue_delete(rig.names.hints["dispatcher"].name)

        with pytest.raises(PublishFailed, match="NO_ROUTE"):
            await rig.bus.hint("dispatcher", Hint("task_due"))


async def test_a_page_that_could_not_be_written_takes_no_numbers(rig: RabbitRig) -> None:
    """The broker counts what it gets: with numbers lost, every later confirmation would be somebody else's."""
    channel = await rig.channel.get_underlay_channel()
    assert isinstance(channel, Channel)
    page = [event_letter("amq.topic", event(number)) for number in range(5)]
    await post(channel, page)
    writer, channel.write_queue = channel.write_queue, asyncio.Queue(maxsize=1)
    channel.write_queue.put_nowait(None)
    stuck = asyncio.create_task(post(channel, page))
    await until(lambda: len(channel.confirmations) == 5)

    stuck.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stuck
    channel.write_queue = writer

    assert (channel.delivery_tag, len(channel.confirmations)) == (5, 0)
    await asyncio.wait_for(post(channel, page), 10)
    assert channel.delivery_tag == 10


async def test_a_deleted_queue_comes_back_without_a_listener(rig: RabbitRig) -> None:
    """Whoever publishes looks after it from time to time."""
    await rig.bus.hint("dispatcher", Hint("task_due"))
    await rig.channel.queue_delete(rig.names.hints["dispatcher"].name)

    await hint_in_the_end(rig.bus, Hint("task_due"))
