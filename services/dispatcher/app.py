"""The dispatcher put together: planner, a sender for each channel, and the way they are told to look."""

import asyncio
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from aiohttp import web

from services.dispatcher.assemble import (
    Loop,
    Process,
    make_couriers,
    make_jobs,
    make_planner,
    make_senders,
    make_tools,
    receiving_loops,
)
from services.dispatcher.limits.admission import Domains
from services.dispatcher.limits.shares import RENEW_SECONDS, Shares
from services.dispatcher.probes import Figures, serve_probes
from services.dispatcher.sending.journal import Journal
from services.dispatcher.sending.open_slots import open_slots
from services.dispatcher.sending.recover import replay_orphans
from services.dispatcher.sending.sender import Sender
from services.dispatcher.sending.watch_store import LOOK_SECONDS, StoreWatch
from services.dispatcher.transports import NO_LIMITS, accepted_kinds, read_limits, read_transports
from shared.bus.hinter import Hinter
from shared.bus.interface import Bus, Hint, Listener
from shared.delivery_log.append import DeliveryLog
from shared.domain.identifiers import Channel
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
    listener: Listener | None
    probes: web.AppRunner
    stopping: asyncio.Event
    shares: Shares
    keeping: list[asyncio.Task[None]]  #: shares, and the eye on the store: also while what is under way is finished
    tasks: list[asyncio.Task[None]]
    signing: Executor
    figures: Figures

    async def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Gives back what was not begun, waits for the replies to final dots, at most so long."""
        self.stopping.set()
        if self.listener:
            await self.listener.stop()
        _, late = await asyncio.wait(self.tasks, timeout=seconds)
        for task in late:
            task.cancel()
        for task in self.keeping:
            task.cancel()
        await asyncio.gather(*self.tasks, *self.keeping, return_exceptions=True)
        with suppress(DatabaseError):
            await self.shares.release()
        await self.hinter.close()
        await self.probes.cleanup()
        self.signing.shutdown(wait=False, cancel_futures=True)
        self.journal.close()


async def start_dispatcher(
    settings: Settings, database: Database, store: EventStore, delivery_log: DeliveryLog, bus: Bus
) -> RunningDispatcher:
    """Settles what dead processes left, then does what its roles say. Raises BadSettings, OSError (journal, port),
    DatabaseError.
    """
    sends = "send" in settings.dispatcher_roles
    transports = read_transports(settings) if sends else {}
    process, watch = await _begin(settings, database, store, delivery_log)
    hinter, tools = Hinter(bus), make_tools(process)
    senders = make_senders(process, transports, tools, hinter)
    couriers = await make_couriers(process, transports, tools["email"])

    def on_batches() -> None:
        _wake(senders)
        hinter.send("dispatcher", Hint("batches_ready"))

    planner = make_planner(process, senders.keys(), on_batches)
    jobs = make_jobs(process, hinter)
    wake = {"task_due": planner.ring, "campaign_due": planner.ring, "notices_due": couriers.ring, "job_due": jobs.ring}

    async def on_hint(hint: Hint) -> None:
        wake.get(hint.topic, partial(_wake, senders))()

    loops = _own_loops(settings, {"send": planner.run, "jobs": jobs.run})
    loops += [*(sender.run for sender in senders.values()), couriers.run, *receiving_loops(process, transports)]
    return RunningDispatcher(
        senders=senders,
        journal=process.journal,
        hinter=hinter,
        # A hint reaches any one listener: whoever does not send would keep most of them from those who do.
        listener=await bus.listen("dispatcher", on_hint) if sends else None,
        probes=await serve_probes(settings.host, settings.metrics_port, process.figures, process.is_ready),
        stopping=process.stopping,
        shares=process.shares,
        keeping=[asyncio.create_task(_keep(process.shares)), asyncio.create_task(_watch(watch, senders))],
        tasks=[asyncio.create_task(loop(process.stopping)) for loop in loops],
        signing=tools["email"].signing,
        figures=process.figures,
    )


def _own_loops(settings: Settings, by_role: dict[str, Loop]) -> list[Loop]:
    return [loop for role, loop in by_role.items() if role in settings.dispatcher_roles]


async def _begin(
    settings: Settings, database: Database, store: EventStore, delivery_log: DeliveryLog
) -> tuple[Process, StoreWatch]:
    """With the journals of dead processes replayed, and with a first share of each limit if it sends."""
    limits = read_limits(settings) if "send" in settings.dispatcher_roles else NO_LIMITS
    owner = clock.random_id()
    journal = Journal(settings.journal_dir, owner)
    accepted = accepted_kinds(settings)
    await replay_orphans(database, settings.journal_dir, owner, clock.now(), accepted)
    watch = StoreWatch(database, settings.journal_dir, owner, clock.now, accepted)
    await watch.begin()
    shares = Shares.of(database, owner, clock.monotonic, limits.by_name)
    await shares.renew()
    # Not before: a process that comes no further would leave them behind.
    journal.replies = open_slots(settings, owner) if "send" in settings.dispatcher_roles else None
    process = Process(
        settings=settings,
        database=database,
        delivery_log=delivery_log,
        handler=Handler(store, clock.now),
        journal=journal,
        owner=owner,
        figures=Figures(),
        shares=shares,
        domains=Domains({domain: shares.gates[name] for domain, name in limits.domains.items()}, clock.monotonic),
        stopping=asyncio.Event(),
    )
    return process, watch


async def _let_go(senders: dict[Channel, Sender]) -> None:
    await asyncio.gather(*(sender.let_go() for sender in senders.values()))


async def _watch(watch: StoreWatch, senders: dict[Channel, Sender]) -> None:
    """Until it is cancelled: also what is finished while stopping may be finished in another history."""
    watch.let_go = partial(_let_go, senders)
    await run_loop("store", watch.look, Wakeup(), asyncio.Event(), LOOK_SECONDS, (Unavailable,))


async def _keep(shares: Shares) -> None:
    """Until it is cancelled: also while what is under way is finished, connections are open."""
    await run_loop("limits", shares.renew, Wakeup(), asyncio.Event(), RENEW_SECONDS, (Unavailable,))


def _wake(senders: dict[Channel, Sender]) -> None:
    for sender in senders.values():
        sender.wakeup.ring()
