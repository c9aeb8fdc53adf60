"""``blast_query``, ``blast_save_list``, ``blast_snapshot``: about the recipients of one campaign."""

from typing import Any

from services.api.operation import ADMINS
from services.api.resources.job.given import Given
from services.api.resources.job.job_type import JobType, Order


def _blast_id(given: Given) -> tuple[int, ...]:
    """None, and blamed, or one."""
    found = given.require("blast_id", given.whole("blast_id"))
    return () if found is None else (found,)


def _read_query(given: Given) -> Order:
    blast = _blast_id(given)
    told = {"blast_id": next(iter(blast), 0)}
    return Order(name=f"Blast Query: {told['blast_id']}", params=told, tell=told, campaigns=blast)


def _read_save_list(given: Given) -> Order:
    """``params``: ``blast_id``, ``query``, ``list``: a name, of one that is made if need be."""
    blast, name = _blast_id(given), given.require("list", given.text("list"))
    query, lists = given.require("query", given.query("query")) or ({}, ())
    told: dict[str, Any] = {"blast_id": next(iter(blast), 0), "query": query, "list": name}
    return Order(name=f"Blast Save List: {name}", params=told, tell=told, lists=lists, campaigns=blast)


def _read_snapshot(given: Given) -> Order:
    """``params``: ``blast_id``, ``query``."""
    blast = _blast_id(given)
    query, lists = given.require("query", given.query("query")) or ({}, ())
    told: dict[str, Any] = {"blast_id": next(iter(blast), 0), "query": query}
    return Order(name=f"Blast Snapshot: {told['blast_id']}", params=told, tell=told, lists=lists, campaigns=blast)


QUERY = JobType("blast_query", _read_query, ADMINS)
SAVE_LIST = JobType("blast_save_list", _read_save_list)
SNAPSHOT = JobType("blast_snapshot", _read_snapshot)
