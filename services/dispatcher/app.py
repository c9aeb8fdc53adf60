"""The dispatcher put together: planner, a sender for each channel, and the way they are told to look."""

import asyncio
import os
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from aiohttp import web

from services.dispatcher.limits.admission import Domains
from services.dispatcher.limits.shares import RENEW_SECONDS, Shares
from services.dispatcher.planner.plan import Planner
from services.dispatcher.probes import Figures, serve_probes
from services.dispatcher.sending.journal import Journal
from services.dispatcher.sending.load_keys import SigningKeys
from services.dispatcher.sending.load_task import Origin, PreparedTasks
from services.dispatcher.sending.next_hop import NextHop
from services.dispatcher.sending.on_trial import Trials
from services.dispatcher.sending.recover import replay_orphans
from services.dispatcher.sending.send_batch import SendingTools
from services.dispatcher.sending.sender import Sender
from services.dispatcher.transports import Transport, accepted_kinds, read_limits, read_transports
from shared.bus.hinter import Hinter
from shared.bus.interface import Bus, Hint, Listener
from shared.delivery_log.append import DeliveryLog
from shared.domain.identifiers import Channel, shard_of
from shared.domain.retry_schedule import RetrySchedule
from shared.domain.tokens import TokenKeys
from shared.event_store.handle_command import Handler
from shared.event_store.interface import EventStore
from shared.postgres.database import Database, DatabaseError, Unavailable
from shared.runtime import clock
from shared.runtime.lifecycle import Wakeup, run_loop
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
    shares: Shares
    keeping_shares: asyncio.Task[None]
    tasks: list[asyncio.Task[None]]
    signing: Executor

    async def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Gives back what was not begun, waits for the replies to final dots, at most so long."""
        self.stopping.set()
        await self.listener.stop()
        _, late = await asyncio.wait(self.tasks, timeout=seconds)
        for task in late:
            task.cancel()
        self.keeping_shares.cancel()
        await asyncio.gather(*self.tasks, self.keeping_shares, return_exceptions=True)
        with suppress(DatabaseError):
            await self.shares.release()
        await self.hinter.close()
        await self.probes.cleanup()
        self.signing.shutdown(wait=False, cancel_futures=True)
        self.journal.close()


async def start_dispatcher(
    settings: Settings, database: Database, store: EventStore, delivery_log: DeliveryLog, bus: Bus
) -> RunningDispatcher:
    """Settles what dead processes left, then plans and sends. Raises BadSettings, OSError (journal, port),
    DatabaseError.
    """
    transports, limits = read_transports(settings), read_limits(settings)
    owner, stopping, figures = clock.random_id(), asyncio.Event(), Figures()
    journal = Journal(settings.journal_dir, owner)
    await replay_orphans(database, settings.journal_dir, owner, clock.now(), accepted_kinds(settings))
    shares = Shares.of(database, owner, clock.monotonic, limits.by_name)
    await shares.renew()
    domains = Domains({domain: shares.gates[name] for domain, name in limits.domains.items()}, clock.monotonic)
    handler = Handler(store, clock.now)
    tools = _tools(settings, database, delivery_log, journal, owner, figures, handler, stopping, domains)
    hinter = Hinter(bus)
    senders = _senders(settings, transports, tools, hinter, shares)

    def on_batches() -> None:
        _wake(senders)
        hinter.send("dispatcher", Hint("batches_ready"))

    planner = Planner(
        database,
        handler,
        owner,
        senders.keys(),
        settings.sweep_seconds,
        on_batches,
        dns_check=settings.dns_check,
    )

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
        shares=shares,
        keeping_shares=asyncio.create_task(_keep(shares)),
        tasks=[
            asyncio.create_task(planner.run(stopping)),
            *(asyncio.create_task(sender.run(stopping)) for sender in senders.values()),
        ],
        signing=tools["email"].signing,
    )


async def _keep(shares: Shares) -> None:
    """Until it is cancelled: also while what is under way is finished, connections are open."""
    await run_loop("limits", shares.renew, Wakeup(), asyncio.Event(), RENEW_SECONDS, (Unavailable,))


def _wake(senders: dict[Channel, Sender]) -> None:
    for sender in senders.values():
        sender.wakeup.ring()


def _senders(
    settings: Settings,
    transports: dict[Channel, Transport],
    tools: dict[Channel, SendingTools],
    hinter: Hinter,
    shares: Shares,
) -> dict[Channel, Sender]:
    """One for each channel that there is a way to send on."""

    def on_batch_done(task_id: int) -> None:
        hinter.send("tracker", Hint("segments_appended", shard_of(task_id)))

    return {
        channel: Sender(
            tools[channel],
            transport.open_channel,
            transport.connections,
            settings.sweep_seconds,
            on_batch_done,
            shares.gates.get(channel),
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
    handler: Handler,
    stopping: asyncio.Event,
    domains: Domains,
) -> dict[Channel, SendingTools]:
    """What the senders share, journal and all, and what each counts for its channel."""
    tracker_url = settings.tracker_url or f"http://{settings.host}:{settings.tracker_port}"
    accepted = accepted_kinds(settings)
    shared = SendingTools(
        database=database,
        delivery_log=delivery_log,
        tasks=PreparedTasks(
            database,
            Origin(tracker_url, settings.bounce_domain),
            TokenKeys(settings.secret),
            SigningKeys(database, settings.secret),
        ),
        journal=journal,
        schedule=RetrySchedule(settings.retry_seconds),
        channel="email",
        accepted_kinds=accepted["email"],
        owner=owner,
        now=clock.now,
        monotonic=clock.monotonic,
        jitter=clock.jitter,
        count=partial(figures.count, "email"),
        transport=NextHop("smtp", clock.monotonic, figures.show_blocked),
        trials=Trials(handler, clock.monotonic, figures.count_paused),
        give_up=stopping,
        domains=domains,
        signing=ThreadPoolExecutor(os.cpu_count() or 1, "signing"),
    )
    sms = replace(
        shared,
        channel="sms",
        accepted_kinds=accepted["sms"],
        count=partial(figures.count, "sms"),
        transport=NextHop("sms", clock.monotonic, figures.show_blocked),
    )
    return {"email": shared, "sms": sms}
