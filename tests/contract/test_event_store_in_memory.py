"""The event store in memory keeps the promises of every event store."""

import pytest

from shared.event_store.in_memory import InMemoryEventStore
from tests.contract.event_store_contract import EventStoreContract


class InMemoryRig:
    def __init__(self) -> None:
        self.store = InMemoryEventStore()

    async def list_names(self) -> list[str]:
        return [str(write.args[2]) for write in self.store.written]


class TestInMemory(EventStoreContract):
    @pytest.fixture
    def rig(self) -> InMemoryRig:
        return InMemoryRig()
