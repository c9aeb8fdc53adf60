"""The tracker put together: intake and projector, and the way they are told to look."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp.web import ServerRunner

from services.tracker.callbacks.desk import CallbackDesk
from services.tracker.compactor.compactor import Compactor
from services.tracker.decisions.judge_bounce import SoftBounceRule
from services.tracker.decisions.judge_harm import HarmLimits
from services.tracker.intake.bounce_port import BouncePort
from services.tracker.intake.bounces import BounceIntake
from services.tracker.intake.inbound_sms import InboundDesk
from services.tracker.intake.inbound_web import InboundWeb
from services.tracker.intake.journal import HitJournal
from services.tracker.intake.known_tasks import COPY_SECONDS, KnownTasks
from services.tracker.intake.observe import Observer
from services.tracker.intake.record import HitRecorder
from services.tracker.intake.replay import LOOK_SECONDS as REPLAY_SECONDS
from services.tracker.intake.replay import Replay
from services.tracker.intake.task_copy import TaskCopy
from services.tracker.intake.unsubscribe import Unsubscriber
from services.tracker.intake.web import Intake
from services.tracker.metrics import Metrics
from services.tracker.projector.engagement import EngagementProjector
from services.tracker.projector.projector import LOOK_SECONDS, Projector
from services.tracker.projector.suppress_returned import ReturnedSuppressor
from services.tracker.site import open_site
from shared.bus.hinter import Hinter
from shared.bus.interface import Hint, Hints, Listener
from shared.delivery_log.append import DeliveryLog
from shared.domain.tokens import TokenKeys
from shared.event_store.handle_command import Handler
from shared.event_store.interface import EventStore
from shared.postgres.database import Database, DatabaseError, Unavailable
from shared.runtime import clock
from shared.runtime.exposition import show_pool, show_process
from shared.runtime.lifecycle import Wakeup, run_loop
from shared.runtime.settings import Settings
from shared.suppression.address_hash import AddressHashes

log = structlog.get_logger(__name__)

NEEDED: Final = frozenset({"DATABASE_URL", "BUS_URL", "SECRET"})
STOP_SECONDS: Final = 5.0
FORGET_SECONDS: Final = 60.0  #: how often it is looked for inbound SMS that have expired
MEGABYTE: Final = 1024 * 1024


@dataclass(slots=True)
class RunningTracker:
    url: str
    site: ServerRunner
    bounces: BouncePort
    listener: Listener
    hinter: Hinter
    projector: Projector
    callbacks: CallbackDesk
    journal: HitJournal
    wakeups: tuple[Wakeup, ...]
    stopping: asyncio.Event
    loops: list[asyncio.Task[None]]
    metrics: Metrics

    async def stop(self) -> None:
        """Answers readers and relays who wait, ends the round under way, and lets other trackers have the shards."""
        self.stopping.set()
        for wakeup in self.wakeups:
            wakeup.ring()
        await asyncio.gather(self.site.cleanup(), self.bounces.stop())
        await self.listener.stop()
        _, late = await asyncio.wait(self.loops, timeout=STOP_SECONDS)
        for loop in late:
            loop.cancel()
        await asyncio.gather(*self.loops, return_exceptions=True)
        self.journal.close()
        await self.callbacks.stop()
        await self.hinter.close()
        try:
            await self.projector.stop()
        except DatabaseError as error:
            log.info("shards not released", action="shards_not_released", reason=type(error).__name__)


async def start_tracker(
    settings: Settings, database: Database, store: EventStore, delivery_log: DeliveryLog, bus: Hints
) -> RunningTracker:
    """Raises OSError when a port is taken, or the journal's folder cannot be used. Postgres may be away."""
    metrics, stopping = Metrics(), asyncio.Event()
    show_process(metrics.registry)
    show_pool(metrics.registry, lambda: database.use)
    wakeup, sweeping = Wakeup(), Wakeup()
    hinter = Hinter(bus)
    projector = _projector(settings, database, store, metrics)
    callbacks = CallbackDesk(settings, database, projector.shards, metrics)
    desk = _inbound_desk(settings, database, metrics, hinter)
    journal = _journal(settings, metrics)
    intake = _intake(settings, database, delivery_log, journal, metrics, desk)
    replay = Replay(database, journal, intake.unsubscriber, metrics)
    bounces = BouncePort(BounceIntake(intake.keys, intake.tasks, intake.recorder, clock.now, metrics))
    site, url = await _open_ports(settings, intake, bounces, metrics, ready=lambda: not stopping.is_set())

    async def on_hint(_: Hint) -> None:
        wakeup.ring()

    return RunningTracker(
        url=url,
        site=site,
        bounces=bounces,
        listener=await bus.listen("tracker", on_hint),
        hinter=hinter,
        projector=projector,
        callbacks=callbacks,
        journal=journal,
        wakeups=(wakeup, sweeping),
        stopping=stopping,
        loops=[
            *_intake_loops(intake, replay, desk, stopping),
            *_projecting_loops(projector, wakeup, sweeping, stopping, settings.sweep_seconds),
            *_loops_beside(database, projector, metrics, stopping),
            asyncio.create_task(callbacks.run(stopping)),
        ],
        metrics=metrics,
    )


def _intake_loops(
    intake: Intake, replay: Replay, desk: InboundDesk, stopping: asyncio.Event
) -> list[asyncio.Task[None]]:
    """What goes on beside the answers; each waits while Postgres is away."""
    steps = {
        "replay": (replay.step, REPLAY_SECONDS),
        "tasks": (intake.tasks.copy_recent, COPY_SECONDS),
        "journals": (replay.forget, FORGET_SECONDS),
        "forget": (desk.forget, FORGET_SECONDS),
    }
    return [
        asyncio.create_task(run_loop(name, step, Wakeup(), stopping, seconds, (Unavailable,)))
        for name, (step, seconds) in steps.items()
    ]


def _projecting_loops(
    projector: Projector, wakeup: Wakeup, sweeping: Wakeup, stopping: asyncio.Event, sweep_seconds: float
) -> list[asyncio.Task[None]]:
    return [
        asyncio.create_task(
            run_loop("projector", projector.step, wakeup, stopping, LOOK_SECONDS, (Unavailable,), projector.rest)
        ),
        asyncio.create_task(run_loop("completion", projector.sweep, sweeping, stopping, sweep_seconds, (Unavailable,))),
    ]


def _loops_beside(
    database: Database, projector: Projector, metrics: Metrics, stopping: asyncio.Event
) -> list[asyncio.Task[None]]:
    """Of the same shards, each with checkpoints of its own."""
    return [
        asyncio.create_task(EngagementProjector(database, projector.shards, clock.now, metrics).run(stopping)),
        asyncio.create_task(Compactor(database, projector.shards, metrics).run(stopping)),
    ]


def _journal(settings: Settings, metrics: Metrics) -> HitJournal:
    journal = HitJournal(settings.journal_dir, settings.hit_journal_megabytes * MEGABYTE, clock.random_id)
    journal.bring_back()
    metrics.journal_bytes.set_function(journal.waiting_bytes)
    return journal


def _intake(
    settings: Settings,
    database: Database,
    delivery_log: DeliveryLog,
    journal: HitJournal,
    metrics: Metrics,
    desk: InboundDesk,
) -> Intake:
    keys, hashes = TokenKeys(settings.secret), AddressHashes(settings.secret)
    return Intake(
        keys=keys,
        tasks=KnownTasks(database, journal, TaskCopy(settings.journal_dir), clock.monotonic),
        observer=Observer(settings.trusted_proxies),
        # Below the batch that all unsubscribes share.
        recorder=HitRecorder(delivery_log, -2 - clock.random_id(), journal, metrics),
        unsubscriber=Unsubscriber(database, hashes, journal, clock.random_id, metrics),
        now=clock.now,
        metrics=metrics,
        inbound=InboundWeb(keys, desk),
    )


def _projector(settings: Settings, database: Database, store: EventStore, metrics: Metrics) -> Projector:
    rule = SoftBounceRule(settings.soft_bounces, settings.soft_bounce_days)
    return Projector(
        database,
        Handler(store, clock.now),
        clock.random_id(),
        clock.monotonic,
        metrics,
        HarmLimits(settings.pause_after, settings.pause_bounce_percent, settings.pause_complaint_percent),
        ReturnedSuppressor(AddressHashes(settings.secret), rule, clock.now, clock.random_id),
    )


def _inbound_desk(settings: Settings, database: Database, metrics: Metrics, hinter: Hinter) -> InboundDesk:
    return InboundDesk(
        database=database,
        hashes=AddressHashes(settings.secret),
        confirmation=settings.stop_confirmation,
        now=clock.now,
        random_id=clock.random_id,
        on_notice=lambda: hinter.send("dispatcher", Hint("notices_due")),
        metrics=metrics,
    )


async def _open_ports(
    settings: Settings, intake: Intake, bounces: BouncePort, metrics: Metrics, ready: Callable[[], bool]
) -> tuple[ServerRunner, str]:
    """Both or none."""
    await bounces.open(settings.host, settings.bounce_port)
    try:
        return await open_site(settings.host, settings.tracker_port, intake, metrics, ready)
    except OSError:
        await bounces.stop()
        raise
