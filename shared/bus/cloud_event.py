"""An event as the headers of a message: CloudEvents 1.0 in binary mode, the attributes named `cloudEvents:*` as in its
AMQP binding (section 3.1.3.1). The content type is a property of the message, the data its body. Pure."""

from datetime import UTC

from shared.bus.interface import EventEnvelope

CONTENT_TYPE = "application/json"
SOURCE = "/postroom"
HEADER_PREFIX = "cloudEvents:"


def attributes_of(envelope: EventEnvelope) -> dict[str, str]:
    """By their bare names. `time` as RFC 3339 in UTC; `accountid` as a string, for the integers of CloudEvents have 32
    bits.
    """
    return {
        "specversion": "1.0",
        "id": envelope.id,
        "source": SOURCE,
        "type": envelope.type,
        "subject": envelope.subject,
        "time": envelope.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "accountid": str(envelope.account_id),
    }


def cloud_event_headers(envelope: EventEnvelope) -> dict[str, str]:
    """With `traceparent`, as in the extension for distributed tracing, where it is known."""
    traced = {"traceparent": envelope.traceparent} if envelope.traceparent else {}
    return {f"{HEADER_PREFIX}{name}": value for name, value in (attributes_of(envelope) | traced).items()}
