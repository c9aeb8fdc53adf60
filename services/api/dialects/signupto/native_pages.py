"""Pages of a native listing, asked for and told as this dialect does: of what has a name, an end and three times."""

from typing import Any, Final

from services.api.dialects.signupto.arguments import Kind, Place, answer_page, read_start
from services.api.dialects.signupto.envelope import many
from services.api.dialects.signupto.native import Handler, carry_out
from services.api.fields import RequestModel
from services.api.operation import Answer, Api, Call
from services.api.paging import write_cursor
from shared.domain.identifiers import INT63_MAX
from shared.domain.refusal import Refused

_KINDS: Final[dict[str, Kind]] = {
    "id": "bigint",
    "name": "text",
    "scheduledtime": "float8",
    "endtime": "float8",
    "cdate": "float8",
}


async def answer_native_page(
    handler: Handler, model: type[RequestModel], api: Api, call: Call[Any, None]
) -> Answer | Refused:
    """``handler`` answers the listing, ``model`` is its query: the filters are the native ones."""
    query = _native_query(call.query, model)
    if isinstance(query, Refused):
        return query
    page: list[Any] = []
    done = await carry_out(handler, api, call, lambda found: _keep(found, page), query=query)
    return done if isinstance(done, Refused) else answer_page(page, call.query.count, call.query.sort)


def _keep(found: Any, page: list[Any]) -> Answer:
    page += found
    return many(found)


def _native_query(query: Any, model: type[RequestModel]) -> RequestModel | Refused:
    """One row more than asked for: the first of the next page tells where that begins."""
    cursor = None
    if query.start is not None:
        place = read_start(query.start, _KINDS[query.sort], nullable=query.sort == "endtime")
        if isinstance(place, Refused):
            return place
        cursor = _native_cursor(place, query.sort, reverse=query.reverse)
    given = {name: getattr(query, name) for name in query.model_fields_set if name in model.model_fields}
    sort = f"-{query.sort}" if query.reverse else query.sort
    return model.model_construct(**{**given, "sort": sort, "count": query.count + 1, "start": cursor})


def _native_cursor(place: Place, sort: str, *, reverse: bool) -> str:
    """The native listing goes on behind its cursor, this one begins with its start."""
    first = place.first_id(reverse=reverse)
    before = min(first + 1, INT63_MAX) if reverse else max(first - 1, 0)
    return write_cursor([f"-{sort}" if reverse else sort, place.key, before])
