"""The bus on RabbitMQ keeps the promises of every bus."""

from collections.abc import AsyncIterator

import pytest

from tests.contract.bus_contract import BusContract
from tests.contract.rabbitmq_rig import RabbitRig


class TestOnRabbitMQ(BusContract):
    @pytest.fixture
    async def rig(self, amqp_url: str, amqp_prefix: str) -> AsyncIterator[RabbitRig]:
        async with RabbitRig(amqp_url, amqp_prefix) as rig:
            yield rig
