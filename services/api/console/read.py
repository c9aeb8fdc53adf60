"""What the console shows of an account beyond what the API lists: the newest first, and what has been given up.

Who may see what is asked of the API's own rules: members see their own, jobs go by the roles of their type.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from services.api.authenticate import Caller
from services.api.operation import ADMINS, WRITERS
from services.api.resources.campaign import read as campaign_rows
from services.api.resources.campaign.answer import campaign_answer
from services.api.resources.campaign.schema import CampaignAnswer
from services.api.resources.job import read as job_rows
from services.api.resources.job.registry import TYPES
from services.api.resources.task import read as task_rows
from services.api.resources.task.schema import TaskAnswer
from shared.delivery_log.ordinal_sets import read_counts
from shared.domain.delivery import Kind
from shared.domain.identifiers import INT63_MAX, Instant
from shared.domain.job_answer import answer_of
from shared.postgres.database import Database, Row
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))

ON_A_PAGE: Final = 50

Rows = Sequence[Mapping[str, Any]]


async def newest_campaigns(
    database: Database, caller: Caller, before: int | None
) -> tuple[list[CampaignAnswer], int | None]:
    """And the id where the next page begins."""
    found = await campaign_rows.read_newest(database, caller, before or INT63_MAX, ON_A_PAGE + 1)
    page = found[:ON_A_PAGE]
    return [campaign_answer(each) for each in page], page[-1].campaign_id if len(found) > ON_A_PAGE else None


async def newest_jobs(
    database: Database, caller: Caller, before: int | None, now: Instant
) -> tuple[list[dict[str, Any]], int | None]:
    found = await job_rows.read_newest(database, caller.account_id, _unseen(caller), before or INT63_MAX, ON_A_PAGE + 1)
    page = found[:ON_A_PAGE]
    answers = [answer_of(facts, now) for _, facts in page]
    return answers, page[-1][0] if len(found) > ON_A_PAGE else None


async def tasks_of(database: Database, caller: Caller, campaigns: Sequence[CampaignAnswer]) -> list[TaskAnswer]:
    ids = [task_id for campaign in campaigns for task_id in campaign["tasks"]]
    return await task_rows.read_tasks(database, caller, ids) if ids else []


async def parked_notices(database: Database, caller: Caller, before: int | None) -> tuple[Rows, int | None]:
    seen = (caller.account_id, caller.only_of_user, before or INT63_MAX)
    return _page(await database.fetch(QUERIES["parked_notices"], *seen, ON_A_PAGE + 1))


async def postbacks_given_up(database: Database, caller: Caller) -> Rows:
    return _dicts(await database.fetch(QUERIES["postbacks_given_up"], caller.account_id, _unseen(caller), ON_A_PAGE))


async def lines_of_calls(database: Database, caller: Caller, *, given_up: bool) -> Rows:
    seen = (caller.account_id, caller.only_of_user, given_up)
    return _dicts(await database.fetch(QUERIES["lines_of_calls"], *seen, ON_A_PAGE))


async def first_window(database: Database, campaign_id: int, count: int) -> int:
    """The number of the first of a campaign's ``count`` calls to look at; 0: there is none."""
    return await database.fetch_value(QUERIES["first_window"], campaign_id, count) or 0


async def names_of_users(database: Database, caller: Caller) -> dict[int, str]:
    """By id, for whom the API names them; for others nobody has a name."""
    if caller.role not in ADMINS:
        return {}
    rows = await database.fetch(QUERIES["names_of_users"], caller.account_id)
    return {row["id"]: row["name"] for row in rows}


async def handed_over(database: Database, tasks: Rows) -> dict[int, int]:
    """How many messages of each task were taken, by its id."""
    counts = await read_counts(database, [task["id"] for task in tasks]) if tasks else {}
    return {task_id: of_task.get(Kind.SUBMITTED, 0) for task_id, of_task in counts.items()}


def _unseen(caller: Caller) -> list[str]:
    """The kinds of jobs that GET refuses to the caller."""
    return [kind for kind, each in TYPES.items() if caller.role not in each.roles and each.roles != WRITERS]


def _page(rows: Sequence[Row]) -> tuple[Rows, int | None]:
    page = _dicts(rows[:ON_A_PAGE])
    return page, page[-1]["id"] if len(rows) > ON_A_PAGE else None


def _dicts(rows: Sequence[Row]) -> Rows:
    return [dict(row) for row in rows]
