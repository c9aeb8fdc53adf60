"""The dispatcher put together: planner, sender, and the way they are told to look."""

import asyncio
from dataclasses import dataclass

from aiohttp import web

from services.dispatcher.channels.smtp.relay_address import RelayAddress, parse_relay_url
from services.dispatcher.channels.smtp.session import SessionSettings, SmtpSession
from services.dispatcher.planner.plan import Planner
from services.dispatcher.probes import Figures, serve_probes
from services.dispatcher.sending.journal import Journal
from services.dispatcher.sending.load_task import Origin, PreparedTasks
from services.dispatcher.sending.recover import replay_orphans
from services.dispatcher.sending.send_batch import SendingTools
from services.dispatcher.sending.sender import Sender
from shared.bus.hinter import Hinter
from shared.bus.interface import Bus, Hint, Listener
from shared.delivery_log.append import DeliveryLog
from shared.domain.delivery import Kind
from shared.domain.email_address import to_envelope
from shared.domain.identifiers import shard_of
from shared.domain.retry_schedule import RetrySchedule
from shared.domain.tokens import TokenKeys
from shared.event_store.handle_command import Handler
from shared.event_store.interface import EventStore
from shared.postgres.database import Database
from shared.runtime import clock
from shared.runtime.settings import BadSettings, Settings

NEEDED = frozenset({"DATABASE_URL", "BUS_URL", "SMTP_URL", "SECRET"})
STOP_SECONDS = 620.0  #: longer than the longest reply to a final dot that is waited for


@dataclass(slots=True)
class RunningDispatcher:
    sender: Sender
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
    relay = _relay(settings)
    owner, stopping, figures = clock.random_id(), asyncio.Event(), Figures()
    journal = Journal(settings.journal_dir, owner)
    await replay_orphans(database, settings.journal_dir, owner, clock.now(), _accepted(settings))
    tools = _tools(settings, database, delivery_log, journal, owner, figures, stopping)
    hinter = Hinter(bus)

    def on_batch_done(task_id: int) -> None:
        hinter.send("tracker", Hint("segments_appended", shard_of(task_id)))

    sending = SessionSettings(success_reports=settings.email_delivered == "dsn")
    sender = Sender(
        tools, lambda: SmtpSession(relay, sending), settings.smtp_connections, settings.sweep_seconds, on_batch_done
    )

    def on_batches() -> None:
        sender.wakeup.ring()
        hinter.send("dispatcher", Hint("batches_ready"))

    planner = Planner(database, Handler(store, clock.now), owner, settings.sweep_seconds, on_batches)

    async def on_hint(hint: Hint) -> None:
        (planner if hint.topic == "task_due" else sender).wakeup.ring()

    return RunningDispatcher(
        sender=sender,
        journal=journal,
        hinter=hinter,
        listener=await bus.listen("dispatcher", on_hint),
        probes=await serve_probes(settings.host, settings.metrics_port, figures, lambda: not stopping.is_set()),
        stopping=stopping,
        tasks=[asyncio.create_task(planner.run(stopping)), asyncio.create_task(sender.run(stopping))],
    )


def _relay(settings: Settings) -> RelayAddress:
    relay = parse_relay_url(settings.smtp_url)
    faults = [f"POSTROOM_SMTP_URL: {fault}" for fault in relay] if isinstance(relay, list) else []
    if to_envelope(f"b@{settings.bounce_domain}") is None:
        faults.append(f"POSTROOM_BOUNCE_DOMAIN: {settings.bounce_domain!r} is no domain")
    if isinstance(relay, list) or faults:
        raise BadSettings(faults)
    return relay


def _accepted(settings: Settings) -> tuple[Kind, ...]:
    """What the relay's 250 stands for."""
    return (Kind.SUBMITTED, Kind.DELIVERED) if settings.email_delivered == "accepted" else (Kind.SUBMITTED,)


def _tools(
    settings: Settings,
    database: Database,
    delivery_log: DeliveryLog,
    journal: Journal,
    owner: int,
    figures: Figures,
    stopping: asyncio.Event,
) -> SendingTools:
    tracker_url = settings.tracker_url or f"http://{settings.host}:{settings.tracker_port}"
    return SendingTools(
        database=database,
        delivery_log=delivery_log,
        tasks=PreparedTasks(database, Origin(tracker_url, settings.bounce_domain), TokenKeys(settings.secret)),
        journal=journal,
        schedule=RetrySchedule(settings.retry_seconds),
        accepted_kinds=_accepted(settings),
        owner=owner,
        now=clock.now,
        monotonic=clock.monotonic,
        jitter=clock.jitter,
        count=figures.count,
        give_up=stopping,
    )
