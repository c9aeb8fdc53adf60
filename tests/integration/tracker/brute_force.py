"""The same counts as the projection's, by plain sets over everything that was appended; and random traffic to count."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from random import Random

from shared.delivery_log.ordinal_sets import (
    read_counts,
    read_link_counts,
    read_people,
    read_series,
    read_sets,
    read_totals,
)
from shared.delivery_log.segments import HitColumns, Segment
from shared.domain.delivery import Kind
from shared.domain.evidence import Agent, unpack
from shared.postgres.database import Database

NOON_MS = 1_800_000_000_000

#: A browser, Apple's proxy, and a browser at its second, third and fourth link within seconds.
EVIDENCE = (0, 0x013, 0x025, 0x113, 0x213, 0x313)


def random_segments(
    chance: Random, tasks: Sequence[int], count: int, recipients: int = 200_000, most_hits: int = 40
) -> list[Segment]:
    """Hits of every kind, over several chunks, minutes and links, many of them by the same few recipients."""
    segments = []
    for part in range(count):
        columns = HitColumns()
        for _ in range(chance.randint(1, most_hits)):
            ordinal = chance.choice([chance.randrange(20), chance.randrange(recipients)])
            time_ms = NOON_MS + chance.randrange(300_000)
            columns.add(ordinal, time_ms, chance.randint(1, 3), chance.choice(EVIDENCE))
        kind = chance.choice(list(Kind))
        segments.append(Segment(chance.choice(tasks), kind, chance.randrange(4), 1, part, columns.take()))
    return segments


async def assert_projected(database: Database, tasks: Sequence[int], segments: Sequence[Segment]) -> None:
    """What the readers of the projection say of each task is what plain counting says."""
    members: dict[int, dict[Kind, set[int]]] = defaultdict(lambda: defaultdict(set))
    clickers: dict[int, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    totals: dict[int, Counter[tuple[Kind, int]]] = defaultdict(Counter)
    series: dict[int, Counter[tuple[int, Kind]]] = defaultdict(Counter)
    for segment in segments:
        task, kind, hits = segment.task_id, segment.kind, segment.hits
        for ordinal, time_ms, link in zip(hits.ordinals, hits.times, hits.details, strict=True):
            members[task][kind].add(ordinal)
            totals[task][kind, 0] += 1
            series[task][time_ms // 60_000, kind] += 1
            if kind is Kind.CLICKED and link:
                totals[task][kind, link] += 1
                clickers[task][link].add(ordinal)
    counts = await read_counts(database, tasks)
    for task in tasks:
        sets = await read_sets(database, task, Kind)
        assert {kind: set(bits) for kind, bits in sets.items() if bits} == dict(members[task])
        assert counts[task] == {kind: len(who) for kind, who in members[task].items()}
        assert await read_totals(database, task) == totals[task]
        assert await read_link_counts(database, task) == {n: len(who) for n, who in clickers[task].items()}
        assert await read_series(database, task) == sorted((*at, hits) for at, hits in series[task].items())
        assert await people_of(database, task) == plain_people(task, segments)


async def people_of(database: Database, task: int) -> dict[Kind, set[int]]:
    people = await read_people(database, task)
    assert people is not None
    return {kind: set(bits) for kind, bits in people.items()}


def plain_people(task: int, segments: Iterable[Segment]) -> dict[Kind, set[int]]:
    """Recipient by recipient, with all his hits at once: who opened, and who clicked, as people do."""
    opened: set[int] = set()
    clicks: dict[int, list[tuple[int, bool]]] = defaultdict(list)
    for segment in segments:
        hits = segment.hits
        for ordinal, time_ms, packed in zip(hits.ordinals, hits.times, hits.evidence or [0] * len(hits), strict=True):
            evidence = unpack(packed)
            if segment.task_id != task or evidence.agent == Agent.APPLE_PRIVACY:
                continue
            if segment.kind is Kind.OPENED:
                opened.add(ordinal)
            if segment.kind is Kind.CLICKED:
                clicks[ordinal].append((time_ms, evidence.company >= 2))
    return {Kind.OPENED: opened, Kind.CLICKED: {ordinal for ordinal in clicks if _has_click_of_person(clicks[ordinal])}}


def _has_click_of_person(clicks: Sequence[tuple[int, bool]]) -> bool:
    """(time, whether of a burst) each: one is in a minute of the hour that no burst touched."""
    touched = {(time_ms - early) // 60_000 % 60 for time_ms, burst in clicks if burst for early in (0, 5000)}
    return any(time_ms // 60_000 % 60 not in touched for time_ms, _ in clicks)
