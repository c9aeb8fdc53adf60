"""What became of a task in figures."""

from collections import defaultdict
from collections.abc import Mapping
from typing import cast

from pyroaring import BitMap

from services.api.resources.task.read import QUERIES
from services.api.resources.task.schema import (
    EventName,
    InDoubtAnswer,
    LinkAnswer,
    MachineAnswer,
    ReportAnswer,
)
from services.api.resources.task.select_contacts import EVENT_KINDS
from shared.delivery_log.ordinal_sets import read_link_counts, read_people, read_series, read_sets, read_totals
from shared.domain.delivery import Kind
from shared.domain.recipient_states import count_by_state
from shared.postgres.database import Database, Row

_NAMES = {kind: cast(EventName, name) for name, kind in EVENT_KINDS.items()}


async def read_report(database: Database, task: Row) -> ReportAnswer:
    """``task``: its row. States and unique counts are of one moment."""
    task_id, recipients, excluded = task["id"], task["recipients"], task["excluded"] or {}
    sets = await read_sets(database, task_id, list(Kind))
    totals = await read_totals(database, task_id)
    held = sets[Kind.HELD]
    return ReportAnswer(
        task_id=task_id,
        size=task["size"],
        audience=recipients or 0,
        states=count_by_state(BitMap(range(recipients or 0)), sets),
        excluded=excluded if _goes_to_list(task) else None,
        joined=_joined(task, excluded),
        unique={name: len(sets[kind]) for kind, name in _NAMES.items()},
        total={name: totals.get((kind, 0), 0) for kind, name in _NAMES.items()},
        machine=await _machines(database, task_id, sets),
        in_doubt=InDoubtAnswer(held=len(held), resent=len(sets[Kind.RESENT] - held)),
        links=await _links(database, task, totals),
        series=await _series(database, task_id),
    )


def _goes_to_list(task: Row) -> bool:
    """To all of it, and to no search nor segment."""
    return task["search_id"] is None and not task["segments"]


def _joined(task: Row, excluded: Mapping[str, int]) -> int | None:
    """Nobody knows of a search: by its time the persons are found who fit, and why one does not is no event."""
    if task["recipients"] is None or not _goes_to_list(task):
        return None
    joined: int = task["recipients"] - task["size"] + sum(excluded.values())
    return joined


async def _machines(database: Database, task_id: int, sets: Mapping[Kind, BitMap]) -> MachineAnswer:
    """``sets``: read before, so that nobody is missing among the people who was not counted either."""
    people = await read_people(database, task_id)
    if people is None:
        return MachineAnswer(opened=0, clicked=0)
    opened, clicked = (len(sets[kind] - people[kind]) for kind in (Kind.OPENED, Kind.CLICKED))
    return MachineAnswer(opened=opened, clicked=clicked)


async def _links(database: Database, task: Row, totals: dict[tuple[Kind, int], int]) -> list[LinkAnswer]:
    if task["message_version"] is None:
        return []
    urls = await database.fetch_value(QUERIES["links_of_version"], task["message_id"], task["message_version"])
    unique = await read_link_counts(database, task["id"])
    return [
        LinkAnswer(url=url, unique=unique.get(number, 0), total=totals.get((Kind.CLICKED, number), 0))
        for number, url in enumerate(urls or (), start=1)
    ]


async def _series(database: Database, task_id: int) -> list[dict[str, int]]:
    minutes: dict[int, dict[str, int]] = defaultdict(dict)
    for minute, kind, hits in await read_series(database, task_id):
        if kind in _NAMES:
            minutes[minute][_NAMES[kind]] = hits
    return [{"minute": minute * 60, **hits} for minute, hits in minutes.items()]
