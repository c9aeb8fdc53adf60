"""Who did what to something, and when: its events, as the API tells them."""

from dataclasses import asdict
from typing import Any

from typing_extensions import TypedDict

from services.api.moments import moment
from shared.event_store.interface import EventStore, RecordedEvent
from shared.sealed_urls import without_credentials


class HistoryAnswer(TypedDict):
    """One event. ``user_id`` null: Postroom itself."""

    version: int
    event: str
    at: float
    user_id: int | None
    detail: dict[str, Any]


async def read_history(store: EventStore, stream: str, id_name: str) -> list[HistoryAnswer]:
    """``id_name``: the field of the events that says whose they are, which the path has said."""
    said_elsewhere = frozenset({id_name, "account_id", "user_id", "at"})
    return [_told(recorded, said_elsewhere) for recorded in await store.read_stream(stream)]


def _told(recorded: RecordedEvent, said_elsewhere: frozenset[str]) -> HistoryAnswer:
    facts: dict[str, Any] = asdict(recorded.event)  # type: ignore[call-overload]  # every stored event is a dataclass
    return HistoryAnswer(
        version=recorded.version,
        event=recorded.type,
        at=moment(recorded.recorded_at),
        user_id=recorded.actor.user_id,
        detail=without_credentials({name: value for name, value in facts.items() if name not in said_elsewhere}),
    )
