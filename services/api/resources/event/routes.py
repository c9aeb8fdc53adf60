"""``/events``: everything that was published of an account, from the beginning."""

from urllib.parse import parse_qsl, urlencode

from services.api.operation import EVERYBODY, Answer, Api, Call, Operation
from services.api.published.envelope import as_cloud_event
from services.api.resources.event.place import Place, read_place, write_place
from services.api.resources.event.read import Page, read_edge, read_page
from services.api.resources.event.schema import END, EventAnswer, EventQuery
from shared.bus.cloud_event import attributes_of
from shared.domain.refusal import Fault, Refused


async def get_events(api: Api, call: Call[EventQuery, None]) -> Answer | Refused:
    query = call.query
    edge = await read_edge(api.database)
    after = Place(edge["store_epoch"], edge["xid"]) if query.after == END else read_place(query.after or "")
    if after is None and query.after is not None:
        return Refused.invalid(Fault("after", "is not a cursor of these events"))
    kept = Place(edge["kept_epoch"], edge["kept_xid"])
    if after is not None and after < kept:
        return Refused.gone("what came behind this cursor is not kept any more: begin without one", "after")
    if after is not None and _is_beyond(after, Place(edge["store_epoch"], edge["xid"]), kept):
        return Refused.gone("this cursor is of a history that the database has lost: begin without one", "after")
    page = await read_page(api.database, call.caller.account_id, after or kept, edge, query.count, query.type)
    if page.held_up and not page.events:
        return Refused.unavailable("what comes next was written by a newer Postroom than this one; ask again then")
    answers = [
        {**as_cloud_event(envelope, attributes_of(envelope)), "cursor": write_place(place)}
        for place, envelope in page.events
    ]
    return Answer(answers, headers=_headers(call.target, page))


def _is_beyond(after: Place, edge: Place, kept: Place) -> bool:
    """Whether no cursor can have come so far. What is told from now on may stand before it, and be passed over."""
    furthest = max(edge.xid, kept.xid)
    return (after.store_epoch, after.xid) > (edge.store_epoch, furthest)


def _headers(target: str, page: Page) -> dict[str, str]:
    """``X-Cursor``: where to go on, now or later. ``Link``: there, when it may be worth it at once."""
    cursor = write_place(page.reached)
    if not page.more:
        return {"X-Cursor": cursor}
    path, _, query = target.partition("?")
    kept = [(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if name != "after"]
    return {"X-Cursor": cursor, "Link": f'<{path}?{urlencode([*kept, ("after", cursor)])}>; rel="next"'}


OPERATIONS = (
    Operation(
        "GET",
        "/events",
        "What the bus told of this account, in the order in which it happened, from the beginning or behind a cursor",
        get_events,
        list[EventAnswer],
        query=EventQuery,
        refusals=(410,),
        roles=EVERYBODY - {"member"},
    ),
)
