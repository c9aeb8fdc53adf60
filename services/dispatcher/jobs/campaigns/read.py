"""What is known of a campaign's recipients: its tasks, and whom of a range of ordinals a query finds."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.dispatcher.jobs.held_job import HeldJob
from services.dispatcher.jobs.work import JobTools
from shared.audience.audience import Audience, Values
from shared.audience.compile_query import joins, matches
from shared.audience.count import open_audience
from shared.domain.identifiers import Channel, Instant
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class SentTask:
    """One payload's task. ``links``: the n-th is link n of its clicks, from 1."""

    task_id: int
    channel: Channel
    recipients: int
    links: tuple[str, ...]


async def read_tasks(tools: JobTools, job: HeldJob) -> list[SentTask]:
    """Of the campaign that ``params`` names as ``blast_id``; none before it was started."""
    rows = await tools.database.fetch(QUERIES["tasks_of_campaign"], job.account_id, job.params["blast_id"])
    return [SentTask(row["id"], row["channel"], row["recipients"], tuple(row["links"])) for row in rows]


async def open_query(tools: JobTools, job: HeldJob, query: Mapping[str, Any], at: Instant) -> Audience:
    """Whom it finds at that moment, among whomever it is asked of."""
    return await open_audience(tools.database, job.account_id, None, query, at)


def finding(name: str, audience: Audience, first: int) -> tuple[str, list[object]]:
    """A statement that finds recipients, and its arguments from number ``first`` on."""
    values = Values(first=first)
    words = {"joins": joins(audience.query, values), "matches": matches(audience, values)}
    return QUERIES[name].format(**words), values.args


def asks_nothing(audience: Audience) -> bool:
    """Everybody is found."""
    return not audience.query.conditions and not audience.query.source.lists
