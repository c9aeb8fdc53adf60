"""The sender: claims batches and hands each to one of its connections, for as long as the process lives."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count

import structlog

from services.dispatcher.channels.interface import Channel
from services.dispatcher.decisions.settle_batch import unsent
from services.dispatcher.limits.admission import LOOK_SECONDS as RATE_LOOK_SECONDS
from services.dispatcher.limits.admission import Seat
from services.dispatcher.limits.gate import Gate
from services.dispatcher.sending.held_batch import LEASE_SECONDS, HeldBatch, read_held
from services.dispatcher.sending.keep_leases import LOOK_SECONDS, LeaseKeeper
from services.dispatcher.sending.record_outcomes import conclusion
from services.dispatcher.sending.send_batch import RELAY_PAUSE_SECONDS, BatchSending, SendingTools
from services.dispatcher.sending.statements import STATEMENTS
from services.dispatcher.sending.turns import LOOK_SECONDS as TURN_LOOK_SECONDS
from services.dispatcher.sending.turns import Turns
from shared.postgres.database import DatabaseError, Unavailable
from shared.runtime import crash_points, tracing
from shared.runtime.lifecycle import Wakeup, run_loop

log = structlog.get_logger(__name__)

LONGEST_RELAY_PAUSE_SECONDS = 15.0
LET_GO_SECONDS = 8.0  #: less than the store is closed after a change of history


@dataclass(frozen=True, order=True, slots=True)
class Waiting:
    """A claimed batch in the queue: those of tasks of which nothing gets through last, the others as they came. One of
    a task with a rate overtakes twice as many as there are workers: all that waited, and no batch for ever.
    """

    blocked: bool
    place: int
    batch: HeldBatch = field(compare=False)


class Sender:
    """Of one channel: ``connections`` workers, each with one connection and one batch at a time, and at most as many
    batches waiting for one, beside those that a rate has granted.
    """

    def __init__(
        self,
        tools: SendingTools,
        open_channel: Callable[[], Channel],
        connections: int,
        sweep_seconds: float,
        on_batch_done: Callable[[int], None],
        gate: Gate | None = None,
    ) -> None:
        """``gate``: of the limit that all dispatchers keep together at this relay."""
        self._tools = tools
        self._gate = gate
        self._open_channel = open_channel
        self._connections = connections
        self._sweep_seconds = sweep_seconds
        self._on_batch_done = on_batch_done
        self._keeper = LeaseKeeper(tools.database, tools.owner, tools.monotonic)
        self._waiting: asyncio.PriorityQueue[Waiting] = asyncio.PriorityQueue()
        self._arrivals = count()
        self._turns = Turns(tools.monotonic)
        self._stopping = asyncio.Event()
        self._at_work = 0
        self.wakeup = Wakeup()

    def use(self) -> tuple[int, int, int]:
        """Connections that send a batch, the most there may be, batches held."""
        return self._at_work, self._connections, self._keeper.count

    async def let_go(self) -> None:
        """After a change of history: nothing that is held goes on. Messages past their dot are waited for, at most so
        long; the journal knows of them.
        """
        self._keeper.lose_all()
        with suppress(TimeoutError):
            async with asyncio.timeout(LET_GO_SECONDS):
                await self._waiting.join()

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``; then messages past their dot are waited for, and the rest is given back."""
        keeping = asyncio.Event()
        keeper = asyncio.create_task(run_loop("leases", self._keeper.look, Wakeup(), keeping, LOOK_SECONDS))
        workers = [asyncio.create_task(self._work()) for _ in range(self._connections)]
        try:
            await run_loop("claim", self._claim, self.wakeup, stop, self._sweep_seconds, (Unavailable,))
            self._keeper.halt_all()
            self._stopping.set()
            await self._waiting.join()
        finally:
            keeping.set()
            for task in (keeper, *workers):
                task.cancel()
            await asyncio.gather(keeper, *workers, return_exceptions=True)

    async def _claim(self) -> bool:
        room = self._connections - self._waiting.qsize()
        if room <= 0:
            return await self._claim_between()
        # What a rate grants is gone after a second, so it is asked for first and served first.
        claimed = await self._claim_by("claim_paced", room)
        if claimed < room or not self._keeper.holds_unpaced():
            claimed += await self._claim_by("claim_batches", max(room - claimed, 1), False)
        # A task of which nothing gets through holds up no other: while there are others in hand, one batch tries it.
        blocked = self._keeper.count_blocked()
        trying = room if self._keeper.count == blocked else int(not blocked)
        if trying:
            claimed += await self._claim_by("claim_batches", trying, True)
        if not claimed:
            self._tools.journal.reset()
            await self._wait_for_next()
        return claimed > 0

    async def _claim_between(self) -> bool:
        """While there is enough to do: what a rate grants, for whom another batch can make way."""
        seconds = await self._tools.database.fetch_value(STATEMENTS["next_paced"], self._tools.channel)
        is_due = seconds is not None and seconds <= 0 and self._turns.can_make_way()
        if is_due and await self._claim_by("claim_paced", 1):
            return True
        await self._wait(None if seconds is None else max(seconds, TURN_LOOK_SECONDS))
        return False

    async def _claim_by(self, statement: str, limit: int, *more: bool) -> int:
        tools, asked_at, paced = self._tools, self._tools.monotonic(), statement == "claim_paced"
        asked = (tools.owner, LEASE_SECONDS, limit, tools.channel, *more)
        for row in (rows := await tools.database.fetch(STATEMENTS[statement], *asked)):
            batch = read_held(row, asked_at, paced=paced)
            self._keeper.hold(batch)
            place = next(self._arrivals) - 2 * self._connections * paced
            self._waiting.put_nowait(Waiting(batch.blocked, place, batch))
            self._turns.wait_for(batch)
        if rows:
            crash_points.reached("sender.claimed")
        return len(rows)

    async def _wait_for_next(self) -> None:
        """Sleeps no longer than until the next batch is due: a rate of 10,000,000 an hour has no time for a sweep."""
        seconds = await self._tools.database.fetch_value(STATEMENTS["next_due"], self._tools.channel)
        await self._wait(seconds)

    async def _wait(self, seconds: float | None) -> None:
        """At most so long; while something granted has no worker, others are asked to make way."""
        longest = TURN_LOOK_SECONDS if self._turns.make_way() else self._sweep_seconds
        seconds = longest if seconds is None else min(seconds, longest)
        if seconds < self._sweep_seconds:
            await self.wakeup.wait(max(seconds, 0.005))
            self.wakeup.ring()

    async def _work(self) -> None:
        channel, seat = self._open_channel(), Seat(self._gate, self._tools.monotonic)
        pause = 1.0
        try:
            while True:
                batch = await self._next_batch(channel, seat)
                self._turns.begin(batch)
                try:
                    await self._wait_turn(batch, seat)
                    wish = await self._send(batch, channel)
                finally:
                    self._turns.end(batch)
                    self._keeper.release(batch)
                    self._waiting.task_done()
                    crash_points.reached("sender.concluded")
                    self._on_batch_done(batch.hold.task_id)
                    self.wakeup.ring()
                pause = 1.0 if wish is not None else min(2 * pause, LONGEST_RELAY_PAUSE_SECONDS)
                await self._rest(pause if wish is None else wish)
        finally:
            with suppress(Exception):
                await channel.close()
            seat.leave()

    async def _next_batch(self, channel: Channel, seat: Seat) -> HeldBatch:
        """Once there is one, and a seat for its connection; one that somebody else is to have is given up."""
        while True:
            if seat.must_leave():
                await channel.close()
                seat.leave()
            await seat.take()
            with suppress(TimeoutError):
                async with asyncio.timeout(seat.look_seconds):
                    with self._turns.free():
                        return (await self._waiting.get()).batch

    async def _wait_turn(self, batch: HeldBatch, seat: Seat) -> None:
        """Until the relay's rate lets some of it go; the others stay in the batch."""
        wanted = min(batch.allowed, len(batch.ordinals))
        while True:
            batch.allowed, wait = seat.grant(wanted)
            # What the task's own rate granted may be over by then: it is asked for again.
            if batch.allowed or not wanted or batch.halt is not None:
                return
            await asyncio.sleep(min(wait, RATE_LOOK_SECONDS))

    async def _rest(self, seconds: float) -> None:
        """At most so long: whoever stops gives back what waits, and waits for nothing."""
        if seconds:
            # Not wait_for: in 3.11 it swallows a cancel that comes together with what it waits for.
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._stopping.wait()

    async def _send(self, batch: HeldBatch, channel: Channel) -> float | None:
        """The seconds that the channel wishes to be left alone; None: it could not be used."""
        try:
            task = await self._tools.tasks.get(batch.hold.task_id)
        except DatabaseError as error:
            log.warning("task not read", action="task_not_read", task_id=batch.hold.task_id, reason=str(error)[:200])
            await self._give_back(batch)
            return None
        except Exception:
            # Its own fault: it rests, and the connection is there for the others.
            log.exception("task cannot be sent", action="task_unsendable", task_id=batch.hold.task_id)
            await self._give_back(batch)
            return 0.0
        sending = BatchSending(self._tools, batch, task)
        self._at_work += 1
        try:
            with tracing.joined(task.correlation), tracing.span("send batch", task_id=batch.hold.task_id):
                usable = await sending.send(channel)
                told = {"task_id": batch.hold.task_id, "batch": batch.hold.batch, "taken": sending.taken}
                log.info("batch handed over", action="batch_handed_over", **told)
            return sending.pause if usable else None
        except Exception:
            # Nothing of it is lost: the lease runs out, and the journal knows what was handed over.
            log.exception("batch failed", action="batch_failed", task_id=batch.hold.task_id)
            return None
        finally:
            self._at_work -= 1

    async def _give_back(self, batch: HeldBatch) -> None:
        """Nothing of it was begun. What another process may have sent of it stays in doubt: that lease runs out."""
        if not batch.taken_over:
            write = conclusion(
                batch, self._tools.owner, unsent(batch.ordinals), rest_pause=RELAY_PAUSE_SECONDS, retry_pause=0.0
            )
            with suppress(DatabaseError):
                await self._tools.delivery_log.append([], [write])
