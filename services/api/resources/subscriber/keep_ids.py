"""What is left of a kept answer after an erasure: its ids, in the envelope they came in. Pure."""

from typing import Any, Final

_IDS: Final = frozenset({"id", "ids"})
_ENVELOPE: Final = frozenset({"status", "response", "data", "count", "next"})


def keep_ids(body: Any) -> Any:
    """A list becomes one of the same length, so that places still mean what they meant."""
    match body:
        case {"status": "ok", "response": dict(response)}:
            kept = {name: keep_ids(value) if name == "data" else value for name, value in response.items()}
            return {"status": "ok", "response": {name: kept[name] for name in kept if name in _ENVELOPE}}
        case dict():
            return {name: value for name, value in body.items() if name in _IDS and _is_number(value)}
        case list():
            return [keep_ids(item) for item in body]
        case _:
            return None


def _is_number(value: Any) -> bool:
    """Or several; a string may be anything."""
    if isinstance(value, list):
        return all(each is None or _is_number(each) for each in value)
    return isinstance(value, int)
