"""Which segments of a shard become one. Pure.

Of one producer, kind and day, and of the same chunks: so whoever asks for what a batch came to, or for one recipient's
history, finds no more in a row than he did before. What is asked by name keeps it (shared/delivery_log/merged.py).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final, NamedTuple

from shared.domain.delivery import FINAL, Kind
from shared.domain.identifiers import CHUNK, Instant

HOUR: Final = 3600
DAY: Final = 24 * HOUR
ENOUGH_HITS: Final = 1_024  #: in a row that ends with its hour; with fewer it goes on with the next one of the day
MOST_HITS: Final = 8_192  #: in one row: some ten milliseconds of work, and a page of any reader holds it
MOST_SEGMENTS: Final = 2_048

#: Who is in a segment is asked of every batch, and of final states whosever they are; of an open or a click it is not.
_NEVER_ASKED: Final = frozenset(map(int, Kind)) - frozenset(map(int, FINAL))


class Producer(NamedTuple):
    """Whose segments these are: a hold on a batch, or a process that hears of readers, relays and gateways."""

    task_id: int
    batch: int
    epoch: int
    kind: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A segment that everybody has read. ``merged``: made of others already."""

    producer: Producer
    part: int
    store_epoch: int
    first_ordinal: int
    last_ordinal: int
    hits: int
    recorded_at: Instant
    merged: bool = False


@dataclass(frozen=True, slots=True)
class Merge:
    """``parts`` rise. ``with_ordinals``: whether the row has to name who is in it."""

    producer: Producer
    parts: Sequence[int]
    with_ordinals: bool


def whole_days(found: Sequence[Candidate], limit: int) -> Sequence[Candidate]:
    """Of what was found without the last day, should there be more of it than ``limit`` let be found."""
    if len(found) < limit:
        return found
    last = _day(found[-1])
    whole = list(takewhile(lambda candidate: _day(candidate) != last, found))
    return whole or found


def plan_merges(found: Sequence[Candidate]) -> list[Merge]:
    """``found``: in the order of the log. What has nobody to be merged with is left as it is."""
    groups: dict[tuple[object, ...], list[Candidate]] = {}
    for candidate in found:
        if not candidate.merged:
            chunks = candidate.first_ordinal // CHUNK, candidate.last_ordinal // CHUNK
            key = (candidate.producer, candidate.store_epoch, chunks, _day(candidate))
            groups.setdefault(key, []).append(candidate)
    by_part = (sorted(group, key=lambda candidate: candidate.part) for group in groups.values())
    return [_merge_of(run) for group in by_part for run in _runs(group) if len(run) > 1]


def _runs(group: Sequence[Candidate]) -> Iterator[list[Candidate]]:
    """Cut where one would be too large, or is large enough and another hour begins."""
    run: list[Candidate] = []
    hits = 0
    for candidate in group:
        full = hits + candidate.hits > MOST_HITS or len(run) == MOST_SEGMENTS
        if run and (full or (hits >= ENOUGH_HITS and _hour(candidate) != _hour(run[-1]))):
            yield run
            run, hits = [], 0
        run.append(candidate)
        hits += candidate.hits
    yield run


def _merge_of(run: Sequence[Candidate]) -> Merge:
    producer = run[0].producer
    with_ordinals = producer.batch >= 0 or producer.kind not in _NEVER_ASKED
    return Merge(producer, [candidate.part for candidate in run], with_ordinals)


def _day(candidate: Candidate) -> int:
    return int(candidate.recorded_at // DAY)


def _hour(candidate: Candidate) -> int:
    return int(candidate.recorded_at // HOUR)
