"""The URL picks the adapter."""

import subprocess
import sys

import pytest

from shared.bus.in_process import InProcess
from shared.bus.on_rabbitmq import OnRabbitMQ
from shared.bus.opening import open_bus


def test_the_scheme_picks_the_adapter() -> None:
    assert isinstance(open_bus("inprocess:"), InProcess)
    assert isinstance(open_bus("amqp://broker"), OnRabbitMQ)
    assert isinstance(open_bus("amqps://broker", prefix="test."), OnRabbitMQ)


def test_another_scheme_is_refused_without_telling_the_password() -> None:
    with pytest.raises(ValueError, match="redis") as refusal:
        open_bus("redis://user:secret@broker")

    assert "secret" not in str(refusal.value)


def test_a_process_without_broker_loads_no_driver() -> None:
    program = (
        "import sys; from shared.bus.opening import open_bus; open_bus('inprocess:'); print('aio_pika' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout == b"False\n"
