"""Pauses tasks that do harm, after the commit of the projection that shows it: so by exact counts, of any tracker's."""

from collections.abc import Callable, Collection

from services.tracker.decisions.judge_harm import Figures, HarmLimits, judge_harm
from services.tracker.projector.statements import STATEMENTS
from shared.domain.delivery import Derived, Kind
from shared.domain.task import Harm
from shared.event_store.handle_command import Done, Handler
from shared.event_store.pause_itself import pause_itself
from shared.postgres.database import Database


async def pause_harmful(
    database: Database,
    handler: Handler,
    limits: HarmLimits,
    task_ids: Collection[int],
    count_paused: Callable[[Harm], None],
) -> None:
    """Those of the tasks that are above a limit, unless a person has overruled that. Doing it twice does nothing."""
    kinds = (Kind.SUBMITTED, Derived.HARD_BOUNCED, Kind.COMPLAINED)
    for row in await database.fetch(STATEMENTS["harm_of_tasks"], list(task_ids), *kinds):
        figures = Figures(row["accepted"], row["hard_bounced"], row["complained"])
        for command in judge_harm(figures, limits):
            done = await pause_itself(handler, row["id"], row["account_id"], command)
            if isinstance(done, Done) and done.events:
                count_paused(command.cause)
                break
