"""The one place that picks an adapter."""

from urllib.parse import urlsplit

from shared.bus.interface import Bus


def open_bus(url: str, prefix: str = "") -> Bus:
    """`inprocess:` for all services in one process, `amqp:` or `amqps:` for RabbitMQ. Connects when first used.

    Raises ValueError, naming the scheme alone, as the URL may hold a password.
    """
    scheme = urlsplit(url).scheme
    if scheme == "inprocess":
        from shared.bus.in_process import InProcess

        return InProcess()
    if scheme in ("amqp", "amqps"):
        # Imported here, as the driver costs a start that has no use for it.
        from shared.bus.on_rabbitmq import OnRabbitMQ

        return OnRabbitMQ(url, prefix)
    raise ValueError(f"no bus for {scheme!r}: inprocess, amqp or amqps")
