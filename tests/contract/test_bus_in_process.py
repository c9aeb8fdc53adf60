"""The bus inside one process keeps the promises of every bus."""

from collections.abc import AsyncIterator

import pytest

from shared.bus.in_process import InProcess, matches
from shared.bus.interface import EventEnvelope, Hint, PublishFailed, Role
from tests.contract.bus_contract import BusContract


class InProcessRig:
    def __init__(self) -> None:
        self.bus = InProcess()

    async def put_raw(self, role: Role, body: bytes) -> None:
        await self.bus.put(role, body)

    async def reasons(self) -> list[str]:
        reasons = [letter.reason for letter in self.bus.dead_letters]
        self.bus.dead_letters.clear()
        return reasons

    async def collect_events(self, pattern: str) -> list[EventEnvelope]:
        collected: list[EventEnvelope] = []

        async def collect(envelope: EventEnvelope) -> None:
            collected.append(envelope)

        self.bus.listen_events(pattern, collect)
        return collected


class TestInProcess(BusContract):
    @pytest.fixture
    async def rig(self) -> AsyncIterator[InProcessRig]:
        rig = InProcessRig()
        yield rig
        await rig.bus.close()


async def test_a_full_queue_refuses_instead_of_growing() -> None:
    bus = InProcess(most_hints=2)
    await bus.hint("tracker", Hint("task_due"))
    await bus.hint("tracker", Hint("task_due"))

    with pytest.raises(PublishFailed):
        await bus.hint("tracker", Hint("task_due"))


@pytest.mark.parametrize(
    ("pattern", "routing_key", "fits"),
    [
        ("task.completed", "task.completed", True),
        ("task.*", "task.completed", True),
        ("task.*", "task", False),
        ("task.*", "task.completed.late", False),
        ("#", "task.completed", True),
        ("task.#", "task", True),
        ("#.opened", "delivery.opened", True),
        ("#.opened", "delivery.clicked", False),
        ("#.#.*", "task", True),
        ("#.*.#.*", "task", False),
        ("task.#.#", "job.completed", False),
        # Tried one way after the other, this takes longer than there is time.
        pytest.param("#." * 30 + "late", "word." * 30 + "early", False, id="hashes-of-a-stranger"),
    ],
)
def test_a_pattern_fits_as_on_a_topic_exchange(pattern: str, routing_key: str, fits: bool) -> None:
    assert matches(pattern, routing_key) is fits
