"""What the vars of a subscriber may be: JSON that the database keeps as it came. Pure."""

from collections.abc import Mapping
from typing import Final

import orjson

from shared.domain.addresses import fault_in_line
from shared.domain.identifiers import INT63_MAX

LARGEST_VARS: Final = 65_536  #: bytes of JSON
DEEPEST_VARS: Final = 8
LONGEST_NAME: Final = 255


def fault_in_vars(value: Mapping[str, object]) -> str | None:
    """What is wrong with the values, apart from their names."""
    if problem := fault_in_json(dict(value)):
        return problem
    if len(orjson.dumps(dict(value))) > LARGEST_VARS:
        return f"may have at most {LARGEST_VARS} bytes as JSON"
    return None


def fault_in_name(name: str) -> str | None:
    """What is wrong with the name of a var."""
    if not 1 <= len(name) <= LONGEST_NAME:
        return f"must have 1 to {LONGEST_NAME} characters"
    return fault_in_line(name)


def fault_in_json(value: object, depth: int = DEEPEST_VARS) -> str | None:
    match value:
        case str():
            return None if "\x00" not in value and encodable(value) else "must be text without NUL and lone surrogates"
        case float():
            # orjson reads whole numbers beyond 64 bits as floats and loses their digits.
            return "has a number beyond 64 bits" if abs(value) >= INT63_MAX else None
        case int():
            return "has a number beyond 64 bits" if abs(value) > INT63_MAX else None
        case dict() | list() if depth == 0:
            return f"is nested deeper than {DEEPEST_VARS}"
        case dict():
            return next(
                (found for item in (*value, *value.values()) if (found := fault_in_json(item, depth - 1))), None
            )
        case list():
            return next((found for item in value if (found := fault_in_json(item, depth - 1))), None)
        case _:
            return None


def encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
