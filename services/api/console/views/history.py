"""Who did what when, for the eye. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.api.console.markup import Child, Markup, el
from services.api.console.spelling import name, when
from services.api.console.views.frame import section, table

LATEST: Final = 200  #: events that a page shows
LONGEST_VALUE: Final = 120

_EMPTY: Final[tuple[object, ...]] = ("", [], (), {})
_MOMENTS: Final = frozenset({"scheduledtime", "when", "expires"})


def history(events: Sequence[Mapping[str, Any]], users: Mapping[int, str]) -> Markup:
    """The newest first. ``users``: their names by id, of those that may be told."""
    rows: list[list[Child]] = [
        [_spoken(event["event"]), _who(event["user_id"], users), when(event["at"]), _detail(event["detail"])]
        for event in reversed(events[-LATEST:])
    ]
    return section(
        "History", table("Who did what, and when", ["What", "Who", "When (UTC)", "Detail"], rows, "Nothing.")
    )


def _spoken(event: str) -> str:
    """``task.audience_frozen``: Audience frozen."""
    return event.partition(".")[2].replace("_", " ").capitalize() or event


def _who(user_id: int | None, users: Mapping[int, str]) -> Child:
    if user_id is None:
        return "Postroom"
    return name(users[user_id]) if user_id in users else f"user {user_id}"


def _detail(detail: Mapping[str, Any]) -> Markup:
    """What is null or empty says nothing."""
    told = [(key, value) for key, value in detail.items() if value is not None and value not in _EMPTY]
    parts: list[Child] = []
    for key, value in told:
        parts += ["; " if parts else None, f"{key.replace('_', ' ')}: ", _value(key, value)]
    return el("span", parts, class_="detail")


def _value(key: str, value: Any) -> Child:
    match value:
        case int() | float() if key in _MOMENTS:
            return when(value)
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return _short(", ".join(map(str, value)))
        case Mapping():
            return _short(", ".join(f"{name} {each}" for name, each in value.items()))
        case _:
            return _short(str(value))


def _short(words: str) -> str:
    return words if len(words) <= LONGEST_VALUE else f"{words[:LONGEST_VALUE]}…"
