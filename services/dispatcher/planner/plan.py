"""The planner: campaigns move on, due tasks start, started tasks get their audience, the sender is told of batches."""

import asyncio
from collections.abc import Callable, Collection

from services.dispatcher.campaigns.move import move_campaigns
from services.dispatcher.planner.freeze_audience import freeze_one_audience
from services.dispatcher.planner.reckon_windows import reckon_windows
from services.dispatcher.planner.splittests.advance import SplitTests
from services.dispatcher.planner.start_due import start_due_tasks, tell_held_back
from services.dispatcher.planner.statements import STATEMENTS
from shared.domain.identifiers import Channel
from shared.event_store.handle_command import Handler
from shared.postgres.database import Database, Unavailable
from shared.postgres.ids import Ids
from shared.runtime.lifecycle import Wakeup, run_loop

#: Loops that freeze, each one audience at a time: what is small does not wait until what is large is frozen.
FREEZERS = 3
START_SECONDS = 0.02  #: after a freeze, until there is looked whether more can start
BATCHES_MOVED = 5_000  #: of tasks that come to rest or go on, in one transaction


class Planner:
    """Replicas plan side by side: a start is decided by the task's version, a freeze by a lease."""

    def __init__(
        self,
        database: Database,
        handler: Handler,
        owner: int,
        channels: Collection[Channel],
        sweep_seconds: float,
        on_batches: Callable[[], None],
        *,
        split_tests: SplitTests,
        dns_check: bool = False,
    ) -> None:
        self._database = database
        self._handler = handler
        self._owner = owner
        self._channels = channels
        self._sweep_seconds = sweep_seconds
        self._on_batches = on_batches
        self._split_tests = split_tests
        self._dns_check = dns_check
        self._ids = Ids(database)
        self._held_back: frozenset[int] = frozenset()
        self.wakeup = Wakeup()
        self._wakeups_of_freezers = [Wakeup() for _ in range(FREEZERS)]
        self._wakeup_of_splittests = Wakeup()
        self._wakeup_of_campaigns = Wakeup()

    def ring(self) -> None:
        """Something is due."""
        self.wakeup.ring()
        self._wakeup_of_splittests.ring()
        self._wakeup_of_campaigns.ring()

    async def run(self, stop: asyncio.Event) -> None:
        # Each in a loop of its own: whatever is wrong with a split test or a campaign keeps no task from being sent,
        # and a large audience that is being frozen keeps no campaign from its time.
        of_campaigns = (self._move, self._wakeup_of_campaigns, stop, self._sweep_seconds, (Unavailable,))
        of_splittests = (self._advance, self._wakeup_of_splittests, stop, self._sweep_seconds, (Unavailable,))
        await asyncio.gather(
            run_loop("plan", self._plan, self.wakeup, stop, self._sweep_seconds, (Unavailable,)),
            *(
                run_loop("freeze", self._freeze, wakeup, stop, self._sweep_seconds, (Unavailable,))
                for wakeup in self._wakeups_of_freezers
            ),
            run_loop("splittests", *of_splittests),
            run_loop("campaigns", *of_campaigns),
        )

    async def _advance(self) -> bool:
        advanced = await self._split_tests.advance()
        if advanced:
            self.wakeup.ring()
        return advanced

    async def _move(self) -> bool:
        moved = await move_campaigns(self._database, self._handler, self._ids, dns_check=self._dns_check)
        if moved:
            self.wakeup.ring()
        return bool(moved)

    async def _plan(self) -> bool:
        started = await start_due_tasks(self._database, self._handler, self._channels, dns_check=self._dns_check)
        if self._dns_check:
            self._held_back = await tell_held_back(self._database, self._held_back)
        if started:
            self._ring_freezers()
        reckoned = await reckon_windows(self._database)
        released = await self._database.execute(STATEMENTS["release_ended"])
        put_off = await self._database.execute(STATEMENTS["put_off_resting"], BATCHES_MOVED)
        # After that: who put off what had just been resumed calls it back himself.
        called_back = await self._database.execute(STATEMENTS["call_back_rested"], BATCHES_MOVED)
        if reckoned or released or called_back:
            self._on_batches()
        return bool(started or called_back or put_off == BATCHES_MOVED)

    async def _freeze(self) -> bool:
        frozen = await freeze_one_audience(self._database, self._handler, self._owner)
        if frozen:
            self._on_batches()
            self.wakeup.ring_within(START_SECONDS)
        return frozen

    def _ring_freezers(self) -> None:
        for wakeup in self._wakeups_of_freezers:
            wakeup.ring()
