"""An event as the headers of a message: CloudEvents 1.0 in binary mode, the attributes named `cloudEvents:*` as in its
AMQP binding (section 3.1.3.1). The content type is a property of the message, the data its body. Pure."""

from datetime import UTC

from shared.bus.interface import EventEnvelope

CONTENT_TYPE = "application/json"
SOURCE = "/postroom"


def cloud_event_headers(envelope: EventEnvelope) -> dict[str, str]:
    """`time` as RFC 3339 in UTC; `accountid` as a string, for the integers of CloudEvents have 32 bits. `traceparent`
    as in their extension for distributed tracing, where it is known.
    """
    traced = {"cloudEvents:traceparent": envelope.traceparent} if envelope.traceparent else {}
    return {
        "cloudEvents:specversion": "1.0",
        "cloudEvents:id": envelope.id,
        "cloudEvents:source": SOURCE,
        "cloudEvents:type": envelope.type,
        "cloudEvents:subject": envelope.subject,
        "cloudEvents:time": envelope.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "cloudEvents:accountid": str(envelope.account_id),
        **traced,
    }
