"""``snapshot``: whom a query finds, counted by what is known of them."""

from services.api.resources.job.given import Given
from services.api.resources.job.job_type import JobType, Order


def _read(given: Given) -> Order:
    """``params``: ``query``."""
    query, lists = given.require("query", given.query("query")) or ({}, ())
    return Order(name="Snapshot", params={"query": query}, tell={"query": query}, lists=lists)


TYPE = JobType("snapshot", _read)
