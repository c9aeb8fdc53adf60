"""A dispatcher that does not send leaves tasks, hints, relay and limits to those who do."""

from pathlib import Path

from pyroaring import BitMap

from services.dispatcher.app import RunningDispatcher
from shared.domain.delivery import Kind
from shared.postgres.database import Database
from tests.audience import post_task
from tests.integration.dispatcher.dispatching import copies, dispatching, settled
from tests.integration.jobs.conftest import running_world
from tests.sinks.fake_relay import FakeRelay


def loops(running: RunningDispatcher) -> set[str]:
    return {getattr(task.get_coro(), "__qualname__", "") for task in running.tasks}


async def test_one_that_does_not_send_plans_nothing_and_takes_no_share(database: Database, tmp_path: Path) -> None:
    """Beside it a sender has the whole of the limit, and every hint."""
    await post_task(database, 50)
    limit = {"smtp_limits": "connections=3"}
    async with (
        FakeRelay() as relay,
        dispatching(database, relay.port, tmp_path / "jobs", dispatcher_roles="jobs", smtp_url="", **limit) as idle,
        dispatching(database, relay.port, tmp_path / "send", dispatcher_roles="send", **limit) as sending,
    ):
        sets = await settled(database, 50)
        shares = await database.fetch("SELECT connections FROM limit_share")

        assert (idle.senders, idle.shares.gates, idle.listener) == ({}, {}, None)
        assert "Planner.run" in loops(sending) - loops(idle)
        assert "Jobs.run" in loops(idle) - loops(sending)
        assert sending.listener is not None

    assert [row["connections"] for row in shares] == [3]
    assert sets[Kind.SUBMITTED] == BitMap(range(50))
    assert set(copies(relay).values()) == {1}


async def test_jobs_are_done_by_one_that_has_no_relay(database: Database, tmp_path: Path) -> None:
    """No hint comes to it: the sweep finds them."""
    async with running_world(database, tmp_path, dispatcher_roles="jobs", smtp_url="") as world:
        caller = await world.caller()

        told = await caller.done(job="import", list="Main", emails="a@example.com,b@example.com")

    assert told["created"] == 2
