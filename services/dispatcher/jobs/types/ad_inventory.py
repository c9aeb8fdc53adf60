"""``ad_inventory``: what of the places for advertising is there, and what is booked, day by day."""

from pathlib import Path
from typing import Any

from services.dispatcher.jobs.held_job import HeldJob
from services.dispatcher.jobs.work import Completed, JobTools, Outcome
from shared.domain.booking import read_day
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).parents[1] / "inventory" / "queries.sql")


async def work_ad_inventory(tools: JobTools, job: HeldJob) -> Outcome | None:
    """``params``: ``start_date`` and ``end_date``, both YYYYMMDD and both in it."""
    first, last = read_day(job.params["start_date"]), read_day(job.params["end_date"])
    rows = await tools.database.fetch(QUERIES["inventory"], job.account_id, first, last)
    inventory: dict[str, Any] = {row["day"]: {"available": row["available"], "used": row["used"]} for row in rows}
    conflicts = [day for day, figures in inventory.items() if figures["used"] > figures["available"]]
    return Completed({"inventory": inventory, "conflicts": conflicts})
