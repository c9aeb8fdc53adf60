"""Reads what the database alone knows of how all of Postroom stands: a few statements, each of a bounded cost."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pyroaring import BitMap

from services.api.published.deliveries import read_reached
from shared.delivery_log.chunks import decode_chunk
from shared.delivery_log.tail import count_waiting, oldest_waiting
from shared.domain.delivery import Kind
from shared.domain.recipient_states import PRECEDENCE, split_by_state
from shared.postgres.database import Database, Row
from shared.postgres.named_queries import load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))

MOST: Final = 10_000  #: of a kind of work that is counted; more is told as so many
MOST_TASKS: Final = 1_000  #: whose sets are added up
MOST_CHUNKS: Final = 100  #: of held recipients that are looked into; of those beyond, all count as in doubt

_STATES: Final = (*(kind for _, kind in PRECEDENCE), Kind.DELIVERED)


@dataclass(frozen=True, slots=True)
class Waiting:
    """``seconds``: since the oldest was due; 0.0 when there is none."""

    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Figures:
    waiting: Mapping[str, Waiting]  #: by tasks, batches, jobs, notices, postbacks, events, deliveries
    open_tasks: Mapping[str, int]  #: by open, paused, blocked
    in_doubt: int
    sets: Mapping[Kind, int]  #: members over all open tasks
    oldest_writer: int | None  #: the transaction that holds all tails back
    store_held: bool  #: nothing is sent before somebody confirms that the database may go on


async def read_figures(database: Database) -> Figures:
    """Raises DatabaseError."""
    [waits] = await database.fetch(QUERIES["what_waits"], MOST)
    [tasks] = await database.fetch(QUERIES["open_tasks"], MOST)
    sizes = await database.fetch(QUERIES["set_sizes"], list(Kind), MOST_TASKS)
    waiting = {name: Waiting(count, max(0.0, seconds)) for name, (count, seconds) in waits.items()}
    return Figures(
        waiting={**waiting, "deliveries": await _unpublished(database)},
        open_tasks=dict(tasks.items()),
        in_doubt=await _count_in_doubt(database),
        sets={Kind(row["kind"]): row["members"] for row in sizes},
        oldest_writer=await database.fetch_value(QUERIES["oldest_writer"]),
        store_held=await database.fetch_value(QUERIES["store_is_held"]),
    )


async def _unpublished(database: Database) -> Waiting:
    """Of the delivery log, what its relay has not come to."""
    reached = await read_reached(database)
    return Waiting(await count_waiting(database, reached), await oldest_waiting(database, reached))


async def _count_in_doubt(database: Database) -> int:
    """As the tasks tell it: who was held and then came to another state is not in doubt any more."""
    held = await database.fetch(QUERIES["held_chunks"], MOST)
    if not held:
        return 0
    near = held[:MOST_CHUNKS]
    columns = [[row[name] for row in near] for name in ("task_id", "generation", "chunk")]
    rows = await database.fetch(QUERIES["states_of_chunks"], *columns, list(_STATES))
    beyond: int = sum(row["cardinality"] for row in held[MOST_CHUNKS:])
    return count_in_doubt(rows) + beyond


def count_in_doubt(rows: Sequence[Row]) -> int:
    """``rows``: task_id, chunk, kind, bits. Pure."""
    chunks: dict[tuple[int, int], dict[Kind, BitMap]] = defaultdict(dict)
    for row in rows:
        chunks[row["task_id"], row["chunk"]][Kind(row["kind"])] = decode_chunk(row["bits"])
    return sum(len(dict(split_by_state(sets[Kind.HELD], sets))["in_doubt"]) for sets in chunks.values())
