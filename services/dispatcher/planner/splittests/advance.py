"""One round of all split tests: each goes as far as it can."""

from collections.abc import Callable

from services.dispatcher.planner.splittests.freeze_audience import freeze_one_splittest
from services.dispatcher.planner.splittests.measure import complete_splittests, measure_splittests
from services.dispatcher.planner.splittests.start_due import start_due_splittests
from shared.event_store.handle_command import Handler
from shared.postgres.database import Database
from shared.postgres.ids import Ids


class SplitTests:
    """``owner``: a number that no other process has."""

    def __init__(self, database: Database, handler: Handler, owner: int, random_id: Callable[[], int]) -> None:
        self._database = database
        self._handler = handler
        self._owner = owner
        self._random_id = random_id
        self._ids = Ids(database)

    async def advance(self) -> bool:
        """Whether there is something new, tasks to start as a rule."""
        started = await start_due_splittests(self._database, self._handler, self._ids)
        drawn = await freeze_one_splittest(self._database, self._handler, self._owner, self._random_id)
        measured = await measure_splittests(self._database, self._handler)
        await complete_splittests(self._database, self._handler)
        return bool(started or drawn or measured)
