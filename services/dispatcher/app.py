"""The dispatcher put together: planner, sender, and the way they are told to look."""

import asyncio
from dataclasses import dataclass

import structlog
from aiohttp import web

from services.dispatcher.channels.smtp.relay_address import RelayAddress, parse_relay_url
from services.dispatcher.channels.smtp.session import SmtpSession
from services.dispatcher.planner.plan import Planner
from services.dispatcher.probes import Figures, serve_probes
from services.dispatcher.sending.journal import Journal
from services.dispatcher.sending.load_task import Origin, PreparedTasks
from services.dispatcher.sending.recover import replay_orphans
from services.dispatcher.sending.send_batch import SendingTools
from services.dispatcher.sending.sender import Sender
from shared.bus.interface import Bus, Hint, Listener, PublishFailed
from shared.delivery_log.append import DeliveryLog
from shared.domain.delivery import Kind
from shared.domain.identifiers import shard_of
from shared.domain.retry_schedule import RetrySchedule
from shared.domain.tokens import TokenKeys
from shared.event_store.handle_command import Handler
from shared.event_store.interface import EventStore
from shared.postgres.database import Database
from shared.runtime import clock
from shared.runtime.settings import BadSettings, Settings

log = structlog.get_logger(__name__)

NEEDED = frozenset({"DATABASE_URL", "BUS_URL", "SMTP_URL", "SECRET"})
STOP_SECONDS = 620.0  #: longer than the longest reply to a final dot that is waited for


@dataclass(slots=True)
class RunningDispatcher:
    sender: Sender
    journal: Journal
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
        await self.probes.cleanup()
        self.journal.close(settled=self.sender.idle and not late)


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
    announce = Announcer(bus)
    sender = Sender(
        tools, lambda: SmtpSession(relay), settings.smtp_connections, settings.sweep_seconds, announce.segments_appended
    )

    async def on_batches() -> None:
        sender.wakeup.ring()
        await announce.batches_ready()

    planner = Planner(database, Handler(store, clock.now), owner, settings.sweep_seconds, on_batches)

    async def on_hint(hint: Hint) -> None:
        (planner if hint.topic == "task_due" else sender).wakeup.ring()

    return RunningDispatcher(
        sender=sender,
        journal=journal,
        listener=await bus.listen("dispatcher", on_hint),
        probes=await serve_probes(settings.host, settings.metrics_port, figures, lambda: not stopping.is_set()),
        stopping=stopping,
        tasks=[asyncio.create_task(planner.run(stopping)), asyncio.create_task(sender.run(stopping))],
    )


def _relay(settings: Settings) -> RelayAddress:
    relay = parse_relay_url(settings.smtp_url)
    if isinstance(relay, list):
        raise BadSettings([f"POSTROOM_SMTP_URL: {fault}" for fault in relay])
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
        tasks=PreparedTasks(database, Origin(tracker_url, settings.bounce_domain)),
        journal=journal,
        tokens=TokenKeys(settings.secret),
        schedule=RetrySchedule(settings.retry_seconds),
        accepted_kinds=_accepted(settings),
        owner=owner,
        now=clock.now,
        monotonic=clock.monotonic,
        jitter=clock.jitter,
        count=figures.count,
        give_up=stopping,
    )


class Announcer:
    """Hints to others, never waited for: whoever misses one finds the work by itself."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._under_way: set[asyncio.Task[None]] = set()

    def segments_appended(self, task_id: int) -> None:
        hinting = asyncio.create_task(self._hint_tracker(shard_of(task_id)))
        self._under_way.add(hinting)
        hinting.add_done_callback(self._under_way.discard)

    async def batches_ready(self) -> None:
        try:
            await self._bus.hint("dispatcher", Hint("batches_ready"))
        except PublishFailed as error:
            log.info("hint not sent", action="hint_not_sent", reason=str(error)[:200])

    async def _hint_tracker(self, shard: int) -> None:
        try:
            await self._bus.hint("tracker", Hint("segments_appended", shard))
        except PublishFailed as error:
            log.info("hint not sent", action="hint_not_sent", reason=str(error)[:200])
