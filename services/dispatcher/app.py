"""The dispatcher put together: planner, a sender for each channel, and the way they are told to look."""

import asyncio
from dataclasses import dataclass, replace
from functools import partial

from aiohttp import web

from services.dispatcher.planner.plan import Planner
from services.dispatcher.probes import Figures, serve_probes
from services.dispatcher.sending.journal import Journal
from services.dispatcher.sending.load_task import Origin, PreparedTasks
from services.dispatcher.sending.recover import replay_orphans
from services.dispatcher.sending.send_batch import SendingTools
from services.dispatcher.sending.sender import Sender
from services.dispatcher.transports import Transport, accepted_kinds, public_tracker_url, read_transports
from shared.bus.hinter import Hinter
from shared.bus.interface import Bus, Hint, Listener
from shared.delivery_log.append import DeliveryLog
from shared.domain.identifiers import Channel, shard_of
from shared.domain.retry_schedule import RetrySchedule
from shared.domain.tokens import TokenKeys
from shared.event_store.handle_command import Handler
from shared.event_store.interface import EventStore
from shared.postgres.database import Database
from shared.runtime import clock
from shared.runtime.settings import Settings

NEEDED = frozenset({"DATABASE_URL", "BUS_URL", "SECRET"})
ONE_OF = ("SMTP_URL", "SMS_URL")
STOP_SECONDS = 620.0  #: longer than the longest reply to a final dot that is waited for


@dataclass(slots=True)
class RunningDispatcher:
    senders: dict[Channel, Sender]
    journal: Journal
    hinter: Hinter
    listener: Listener
    probes: web.AppRunner
    stopping: asyncio.Event
    tasks: list[asyncio.Task[None]]

    async def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Gives back what was not begun, waits for the replies to final dots, at most so long."""
        self.stopping.set()
        await self.listener.stop()
        _, late = await asyncio.wait(self.tasks, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.hinter.close()
        await self.probes.cleanup()
        self.journal.close()


async def start_dispatcher(
    settings: Settings, database: Database, store: EventStore, delivery_log: DeliveryLog, bus: Bus
) -> RunningDispatcher:
    """Settles what dead processes left, then plans and sends. Raises BadSettings, OSError (journal, port),
    DatabaseError.
    """
    transports = read_transports(settings)
    owner, stopping, figures = clock.random_id(), asyncio.Event(), Figures()
    journal = Journal(settings.journal_dir, owner)
    await replay_orphans(database, settings.journal_dir, owner, clock.now(), accepted_kinds(settings))
    tools = _tools(settings, database, delivery_log, journal, owner, figures, stopping)
    hinter = Hinter(bus)
    senders = _senders(settings, transports, tools, hinter)

    def on_batches() -> None:
        _wake(senders)
        hinter.send("dispatcher", Hint("batches_ready"))

    planner = Planner(database, Handler(store, clock.now), owner, senders.keys(), settings.sweep_seconds, on_batches)

    async def on_hint(hint: Hint) -> None:
        if hint.topic == "task_due":
            planner.wakeup.ring()
        else:
            _wake(senders)

    return RunningDispatcher(
        senders=senders,
        journal=journal,
        hinter=hinter,
        listener=await bus.listen("dispatcher", on_hint),
        probes=await serve_probes(settings.host, settings.metrics_port, figures, lambda: not stopping.is_set()),
        stopping=stopping,
        tasks=[
            asyncio.create_task(planner.run(stopping)),
            *(asyncio.create_task(sender.run(stopping)) for sender in senders.values()),
        ],
    )


def _wake(senders: dict[Channel, Sender]) -> None:
    for sender in senders.values():
        sender.wakeup.ring()


def _senders(
    settings: Settings, transports: dict[Channel, Transport], tools: dict[Channel, SendingTools], hinter: Hinter
) -> dict[Channel, Sender]:
    """One for each channel that there is a way to send on."""

    def on_batch_done(task_id: int) -> None:
        hinter.send("tracker", Hint("segments_appended", shard_of(task_id)))

    return {
        channel: Sender(
            tools[channel], transport.open_channel, transport.connections, settings.sweep_seconds, on_batch_done
        )
        for channel, transport in transports.items()
    }


def _tools(
    settings: Settings,
    database: Database,
    delivery_log: DeliveryLog,
    journal: Journal,
    owner: int,
    figures: Figures,
    stopping: asyncio.Event,
) -> dict[Channel, SendingTools]:
    """What the senders share, journal and all, and what each counts for its channel."""
    origin = Origin(public_tracker_url(settings), settings.bounce_domain)
    accepted = accepted_kinds(settings)
    shared = SendingTools(
        database=database,
        delivery_log=delivery_log,
        tasks=PreparedTasks(database, origin, TokenKeys(settings.secret)),
        journal=journal,
        schedule=RetrySchedule(settings.retry_seconds),
        channel="email",
        accepted_kinds=accepted["email"],
        owner=owner,
        now=clock.now,
        monotonic=clock.monotonic,
        jitter=clock.jitter,
        count=partial(figures.count, "email"),
        give_up=stopping,
    )
    sms = replace(shared, channel="sms", accepted_kinds=accepted["sms"], count=partial(figures.count, "sms"))
    return {"email": shared, "sms": sms}
