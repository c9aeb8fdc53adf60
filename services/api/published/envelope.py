"""An event as the outside sees it, on the bus and in ``GET /events`` alike. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from services.api.published.catalogue import MOST_RECIPIENTS, DeliveryBatch, Recipient, event_name
from services.api.published.received_sms import told
from shared.bus.interface import EventEnvelope
from shared.delivery_log.tail import RecordedSegment
from shared.domain.inbound_sms import SmsReceived
from shared.event_store.codec import fields_of
from shared.event_store.interface import RecordedEvent
from shared.postgres.database import Row
from shared.runtime import clock, tracing
from shared.sealed_urls import without_credentials

#: Who has a number in a task: subscriber and external id.
Person = tuple[int, str | None]
NOBODY: tuple[None, None] = (None, None)


def envelope_of(recorded: RecordedEvent, received: Mapping[int, Row]) -> EventEnvelope:
    """Routed by its name. ``received``: the rows of those that are of an SMS."""
    aggregate, _, key = recorded.stream.partition("-")
    data = _data_of(recorded, f"{aggregate}_id", int(key), received)
    return EventEnvelope(
        id=f"{recorded.at.store_epoch}-{recorded.at.position}",
        type=f"postroom.{recorded.type}",
        routing_key=recorded.type,
        time=clock.as_datetime(recorded.recorded_at),
        account_id=recorded.actor.account_id,
        subject=f"{aggregate}/{data.get(f'{aggregate}_id', key)}",  # a job is not known by its number
        data=orjson.dumps(data),
        traceparent=tracing.read_traceparent(recorded.actor.correlation),
    )


def _data_of(recorded: RecordedEvent, id_name: str, key: int, received: Mapping[int, Row]) -> dict[str, object]:
    """What is said, led by id and version of what it happened to; of an SMS, what its row still holds."""
    if isinstance(recorded.event, SmsReceived):
        return told(recorded.event, received.get(key))
    return {id_name: key, "version": recorded.version} | without_credentials(fields_of(recorded.event))


def parts_of(segment: RecordedSegment) -> int:
    """How many messages tell of it."""
    return -(-len(segment.hits) // MOST_RECIPIENTS)


def delivery_envelopes(
    segment: RecordedSegment, account_id: int, people: Mapping[int, Person], first_part: int = 0
) -> Iterator[EventEnvelope]:
    """The messages that tell of a segment, in the order of its hits, from the one numbered ``first_part`` on.

    A segment never changes, so its messages have the same ids and the same hits each time. ``people``: by ordinal.
    """
    event = event_name(segment.kind)
    for part in range(first_part, parts_of(segment)):
        batch = DeliveryBatch(task_id=segment.task_id, event=event, recipients=_recipients(segment, part, people))
        yield EventEnvelope(
            id=f"{segment.at.store_epoch}-d{segment.at.position}-{part}",
            type=f"postroom.delivery.{event}",
            routing_key=f"delivery.{event}",
            time=clock.as_datetime(segment.recorded_at),
            account_id=account_id,
            subject=f"task/{segment.task_id}",
            data=orjson.dumps(batch),
        )


def _recipients(segment: RecordedSegment, part: int, people: Mapping[int, Person]) -> list[Recipient]:
    hits, piece = segment.hits, slice(part * MOST_RECIPIENTS, (part + 1) * MOST_RECIPIENTS)
    found: list[Recipient] = []
    for ordinal, time_ms in zip(hits.ordinals[piece], hits.times[piece], strict=True):
        subscriber_id, external_id = people.get(ordinal, NOBODY)
        found.append(
            Recipient(ordinal=ordinal, subscriber_id=subscriber_id, external_id=external_id, time=time_ms / 1000)
        )
    return found


def as_cloud_event(envelope: EventEnvelope, attributes: Mapping[str, str]) -> dict[str, Any]:
    """CloudEvents' JSON format (structured). ``attributes``: those that the bus sends as headers, by bare name."""
    return {**attributes, "datacontenttype": "application/json", "data": orjson.loads(envelope.data)}
