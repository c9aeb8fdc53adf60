"""A command and what follows from it on other streams: stored together, or none of it."""

from collections.abc import Sequence

import pytest

from shared.domain.split_test import Event, SplitTest
from shared.domain.task import ChangeTask
from shared.event_store.handle_command import Consequence, Done, Handler, WasRefused
from shared.event_store.in_memory import InMemoryEventStore
from shared.event_store.interface import Actor
from shared.event_store.read_models.split_test import SPLIT_TESTS, follow
from shared.event_store.read_models.task import TASKS
from tests.unit.shared.split_test_histories import DRAW, NOON, START, WISH, change
from tests.unit.shared.task_histories import WISH as TASK

ADA = Actor(7, 70)
OF_NOTHING = ChangeTask(fields=frozenset({"cancelled"}), cancelled=True)  #: of a task that there is not


@pytest.fixture
async def handler() -> Handler:
    """A split test that has started."""
    handler = Handler(InMemoryEventStore(), lambda: NOON)
    for command in (WISH, START):
        assert isinstance(await handler.handle(SPLIT_TESTS, "splittest-9", command, ADA), Done)
    return handler


async def test_what_follows_is_stored_in_the_same_transaction(handler: Handler) -> None:
    await handler.handle(SPLIT_TESTS, "splittest-9", DRAW, ADA, then=follow)

    [drawn] = (await handler.store.read_stream("splittest-9"))[2:]
    for task_id in START.task_ids:
        [created] = await handler.store.read_stream(f"task-{task_id}")
        assert (created.type, created.at.xid, created.actor) == ("task.created", drawn.at.xid, ADA)


async def test_where_what_is_needed_is_refused_nothing_is_stored(handler: Handler) -> None:
    def impossible(_: SplitTest, __: list[Event]) -> Sequence[Consequence]:
        return [Consequence(TASKS, "task-9", TASK), Consequence(TASKS, "task-8", OF_NOTHING)]

    with pytest.raises(WasRefused):
        await handler.handle(SPLIT_TESTS, "splittest-9", DRAW, ADA, then=impossible)

    assert len(await handler.store.read_stream("splittest-9")) == 2
    assert await handler.store.read_stream("task-9") == []


async def test_what_is_not_needed_is_left_out_when_it_is_refused(handler: Handler) -> None:
    def some(_: SplitTest, __: list[Event]) -> Sequence[Consequence]:
        return [Consequence(TASKS, "task-8", OF_NOTHING, needed=False), Consequence(TASKS, "task-9", TASK)]

    done = await handler.handle(SPLIT_TESTS, "splittest-9", change(cancelled=True), ADA, then=some)

    assert isinstance(done, Done)
    assert len(await handler.store.read_stream("task-9")) == 1
    assert await handler.store.read_stream("task-8") == []
