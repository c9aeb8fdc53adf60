"""What every event store promises. A store's test file inherits this and says how to build one."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

import pytest

from shared.domain import (
    message,
    task,
)
from shared.event_store.codec import BY_NAME, name_of
from shared.event_store.interface import (
    Actor,
    Append,
    EventStore,
    RecordedEvent,
    StreamAppend,
    TailPosition,
    VersionConflict,
    Write,
)
from shared.event_store.read_models.statements import STATEMENTS
from tests.contract.event_samples import NOON, SAMPLES

ADA = Actor(account_id=7, user_id=70, correlation="request-1")


class Rig(Protocol):
    """A store, and a look at the rows that were written beside the events."""

    store: EventStore

    async def list_names(self) -> list[str]: ...


def to(stream: str, expected_version: int, *names: str) -> StreamAppend:
    """Events that can be told apart by their names."""
    return StreamAppend(stream, expected_version, [message.MessageEdited(name, {}, ()) for name in names], ADA)


def list_row(list_id: int, name: str) -> Write:
    return Write(STATEMENTS["write_list"], (list_id, 7, name, 1, NOON, NOON))


def names(events: Sequence[RecordedEvent]) -> list[str]:
    return [recorded.event.name for recorded in events if isinstance(recorded.event, message.MessageEdited)]


async def tail(store: EventStore, count: int, page: int = 1000) -> list[RecordedEvent]:
    """At least so many events, and whatever else is there.

    They may be late: a transaction of anybody on the server, such as its own housekeeping, holds back every reader.
    """
    found: list[RecordedEvent] = []
    async with asyncio.timeout(30):
        while True:
            events = await store.read_after(found[-1].at if found else TailPosition(), page)
            found += events
            if not events and len(found) >= count:
                return found
            await asyncio.sleep(0 if events else 0.01)


class EventStoreContract:
    async def test_a_stream_that_does_not_exist_is_empty(self, rig: Rig) -> None:
        assert await rig.store.read_stream("task-404") == []
        assert await rig.store.read_after(TailPosition(), 10) == []

    async def test_a_stream_gives_back_its_events_in_order_with_versions_from_1(self, rig: Rig) -> None:
        await rig.store.append(Append((to("task-1", 0, "a", "b"),)))
        await rig.store.append(Append((to("task-1", 2, "c"),)))

        stream = await rig.store.read_stream("task-1")

        assert names(stream) == ["a", "b", "c"]
        assert [recorded.version for recorded in stream] == [1, 2, 3]

    async def test_an_event_keeps_who_did_it_and_when(self, rig: Rig) -> None:
        await rig.store.append(Append((to("task-1", 0, "a"),)))
        await rig.store.append(Append((StreamAppend("task-2", 0, [task.TaskCompleted(NOON)], Actor(8)),)))

        [first], [second] = await rig.store.read_stream("task-1"), await rig.store.read_stream("task-2")

        assert (first.actor, second.actor) == (ADA, Actor(8, None, None))
        assert 0 < first.recorded_at <= second.recorded_at

    async def test_every_event_comes_back_as_it_went_in(self, rig: Rig) -> None:
        """Under the name the table gives it, and by stream and tail alike."""
        await rig.store.append(Append((StreamAppend("all-1", 0, SAMPLES, ADA),)))

        stream = await rig.store.read_stream("all-1")

        assert [recorded.event for recorded in stream] == list(SAMPLES)
        assert [recorded.type for recorded in stream] == [name_of(event) for event in SAMPLES]
        assert await tail(rig.store, len(SAMPLES)) == stream
        assert {type(event) for event in SAMPLES} == set(BY_NAME.values())

    @pytest.mark.parametrize(
        "expected", [0, 1, 3, 4], ids=lambda version: f"version {version} expected of a stream at 2"
    )
    async def test_another_version_than_expected_is_a_conflict(self, rig: Rig, expected: int) -> None:
        await rig.store.append(Append((to("task-1", 0, "a", "b"),)))

        with pytest.raises(VersionConflict):
            await rig.store.append(Append((to("task-1", expected, "c"),)))

        assert names(await rig.store.read_stream("task-1")) == ["a", "b"]

    async def test_a_new_stream_cannot_begin_in_the_middle(self, rig: Rig) -> None:
        with pytest.raises(VersionConflict):
            await rig.store.append(Append((to("task-1", 1, "b"),)))

        assert await rig.store.read_stream("task-1") == []

    async def test_several_streams_and_rows_are_stored_together(self, rig: Rig) -> None:
        await rig.store.append(Append((to("task-2", 0, "a"), to("task-1", 0, "b", "c")), (list_row(5, "friends"),)))

        assert names(await rig.store.read_stream("task-1")) == ["b", "c"]
        assert names(await rig.store.read_stream("task-2")) == ["a"]
        assert await rig.list_names() == ["friends"]

    async def test_rows_may_be_stored_without_an_event(self, rig: Rig) -> None:
        await rig.store.append(Append((), (list_row(5, "friends"),)))

        assert await rig.list_names() == ["friends"]

    async def test_a_conflict_in_one_stream_stores_nothing_at_all(self, rig: Rig) -> None:
        await rig.store.append(Append((to("task-1", 0, "a"),)))

        with pytest.raises(VersionConflict):
            await rig.store.append(Append((to("task-2", 0, "b"), to("task-1", 0, "c")), (list_row(5, "friends"),)))

        assert names(await rig.store.read_stream("task-1")) == ["a"]
        assert await rig.store.read_stream("task-2") == []
        assert await rig.list_names() == []

    async def test_a_stream_is_appended_to_once_in_one_append(self, rig: Rig) -> None:
        """Which of the two would come first is nothing anybody said."""
        with pytest.raises(VersionConflict):
            await rig.store.append(Append((to("task-1", 0, "a"), to("task-1", 0, "b"))))

        assert await rig.store.read_stream("task-1") == []

    async def test_of_many_at_one_version_one_wins_and_the_others_conflict(self, rig: Rig) -> None:
        appends = [rig.store.append(Append((to("task-1", 0, str(number)),))) for number in range(20)]
        outcomes = await asyncio.gather(*appends, return_exceptions=True)

        conflicts = [outcome for outcome in outcomes if outcome is not None]
        [winner] = [str(number) for number, outcome in enumerate(outcomes) if outcome is None]
        assert len(conflicts) == 19
        assert all(isinstance(conflict, VersionConflict) for conflict in conflicts)
        assert names(await rig.store.read_stream("task-1")) == [winner]

    async def test_a_conflict_is_nobody_elses(self, rig: Rig) -> None:
        """All at once: those at the right version are stored, those at a wrong one are not, nor are their rows."""
        await rig.store.append(Append((to("task-0", 0, "old"),)))
        wrong = [Append((to("task-0", 0, f"wrong {n}"),), (list_row(n, f"wrong {n}"),)) for n in range(1, 6)]
        right = [Append((to(f"task-{n}", 0, f"right {n}"),), (list_row(n, f"right {n}"),)) for n in range(6, 40)]
        mixed = [*right[:10], *wrong[:3], *right[10:], *wrong[3:]]

        outcomes = await asyncio.gather(*(rig.store.append(append) for append in mixed), return_exceptions=True)

        refused = [append for append, outcome in zip(mixed, outcomes, strict=True) if outcome is not None]
        assert refused == wrong
        assert sorted(names(await tail(rig.store, 35))) == sorted(["old", *(f"right {n}" for n in range(6, 40))])
        assert sorted(await rig.list_names()) == sorted(f"right {n}" for n in range(6, 40))

    @pytest.mark.parametrize("page", [1, 3, 1000])
    async def test_the_tail_gives_everything_once_and_in_order_page_by_page(self, rig: Rig, page: int) -> None:
        for number in range(5):
            await rig.store.append(Append((to(f"task-{number}", 0, f"{number} a", f"{number} b"),)))

        events = await tail(rig.store, 10, page)

        assert names(events) == [f"{number} {letter}" for number in range(5) for letter in "ab"]
        assert all(before.at < after.at for before, after in pairwise(events))

    async def test_the_tail_goes_on_where_it_stood(self, rig: Rig) -> None:
        await rig.store.append(Append((to("task-1", 0, "a"),)))
        [first] = await tail(rig.store, 1)
        assert await rig.store.read_after(first.at, 10) == []

        await rig.store.append(Append((to("task-1", 1, "b"),)))

        [_, second] = await tail(rig.store, 2)
        assert await rig.store.read_after(first.at, 10) == [second]
