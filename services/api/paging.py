"""Pages: where one ends, and the link to the next. A cursor is opaque, and tells no more than a row that was seen."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias, TypeVar
from urllib.parse import parse_qsl, urlencode

import orjson

from services.api.fields import Count, Cursor, RequestModel
from services.api.operation import Answer
from shared.domain.refusal import Fault, Refused

DEFAULT_COUNT: Final = 200

Item = TypeVar("Item")

Place: TypeAlias = list[str | int | float | None]


class PageQuery(RequestModel):
    count: Count = DEFAULT_COUNT
    start: Cursor | None = None


def write_cursor(place: Place) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(place)).rstrip(b"=").decode()


def read_cursor(cursor: str) -> Place | None:
    try:
        place = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        return None
    return place if isinstance(place, list) and all(map(_is_part, place)) else None


def _is_part(part: object) -> bool:
    return "\x00" not in part if isinstance(part, str) else part is None or isinstance(part, (int, float))


def bad_cursor() -> Refused:
    return Refused.invalid(Fault("start", "is not a cursor of this listing"))


def read_id_cursor(cursor: str | None) -> int | Refused:
    """The last id of the page before; 0: from the beginning."""
    if cursor is None:
        return 0
    match read_cursor(cursor):
        case [int(last)] if not isinstance(last, bool) and 0 <= last < 2**63:
            return last
        case _:
            return bad_cursor()


def page_headers(target: str, total: int, next_start: Place | None) -> dict[str, str]:
    """``X-Total-Count``, and ``Link`` (RFC 8288) to the next page as a reference relative to this one."""
    headers = {"X-Total-Count": str(total)}
    if next_start is not None:
        path, _, query = target.partition("?")
        kept = [(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if name != "start"]
        headers["Link"] = f'<{path}?{urlencode([*kept, ("start", write_cursor(next_start))])}>; rel="next"'
    return headers


def answer_page(
    target: str, found: Sequence[Item], count: int, total: int, place_of: Callable[[Item], Place]
) -> Answer:
    """``found``: the page, and one more if there is a next. ``place_of``: where the listing goes on behind an item."""
    page = found[:count]
    next_start = place_of(page[-1]) if len(found) > count else None
    return Answer(page, headers=page_headers(target, total, next_start))
