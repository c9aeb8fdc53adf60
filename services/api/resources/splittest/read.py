"""What is known of split tests, and what is looked up for one: its messages, and whom it would go to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.api.authenticate import Caller
from services.api.operation import Api
from services.api.paging import Place
from services.api.resources.domain.read import from_fault_of_message
from services.api.resources.splittest.answer import splittest_answer
from services.api.resources.splittest.schema import SplitTestAnswer, SplitTestQuery
from services.api.sorted_pages import cursor_of, start_of, statements
from shared.audience.audience import Audience
from shared.audience.count import count_mailable, read_audience
from shared.domain.refusal import Fault, Refused
from shared.domain.split_test_terms import KnownMessage
from shared.domain.subscriber_query import Query
from shared.postgres.database import Database
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))

_PAGES = statements(QUERIES["splittest_page"])


async def read_splittest(database: Database, caller: Caller, splittest_id: int) -> SplitTestAnswer | None:
    """None as well when the caller may not see it."""
    row = await database.fetch_row(QUERIES["read_splittest"], caller.account_id, splittest_id, caller.only_of_user)
    return splittest_answer(dict(row)) if row else None


async def read_page(
    database: Database, caller: Caller, query: SplitTestQuery
) -> tuple[list[SplitTestAnswer], int, Place | None] | Refused:
    """The page, how many fit in all, and where the next page starts if there is one."""
    start = start_of(query.sort, query.start)
    if isinstance(start, Refused):
        return start
    of_list = ("list_id" in query.model_fields_set, query.list_id)
    wanted = (query.id, query.cancelled, query.completed, *of_list, query.name)
    filters = (caller.account_id, caller.only_of_user, *wanted)
    rows = await database.fetch(_PAGES[query.sort], *filters, *start, query.count + 1)
    total = await database.fetch_value(QUERIES["splittest_total"], *filters)
    page = rows[: query.count]
    following = cursor_of(query.sort, dict(page[-1])) if len(rows) > query.count else None
    return [splittest_answer(dict(row)) for row in page], total, following


@dataclass(frozen=True, slots=True)
class Looked:
    """``audience`` None: there is no such list or search. ``faults``: why none may be sent from a message's address."""

    known: Mapping[int, KnownMessage]
    message_class: str
    audience: Audience | None
    faults: tuple[Fault, ...]


async def look_up(
    api: Api, caller: Caller, message_ids: Sequence[int], list_id: int | None, search_id: int | None
) -> Looked:
    wanted = [*message_ids]
    rows = await api.database.fetch(QUERIES["known_messages"], caller.account_id, wanted, caller.only_of_user)
    classes = {row["class"] for row in rows}
    return Looked(
        known={row["id"]: KnownMessage(row["channel"], row["tracks_opens"], row["tracks_clicks"]) for row in rows},
        # As it is frozen: by the rules of the message that may be sent to the fewest.
        message_class="service" if classes == {"service"} else "marketing",
        audience=await _audience(api, caller.account_id, list_id, search_id),
        faults=await _from_faults(api, caller.account_id, wanted),
    )


async def count(api: Api, caller: Caller, looked: Looked) -> int:
    """Who would be written to now."""
    if looked.audience is None:
        return 0
    return await count_mailable(api.database, caller.account_id, looked.audience, "email", looked.message_class)


async def _audience(api: Api, account_id: int, list_id: int | None, search_id: int | None) -> Audience | None:
    """A list is a search for everybody on it."""
    if search_id is not None:
        return await read_audience(api.database, account_id, search_id, api.now())
    if list_id is None or not await api.database.fetch_value(QUERIES["list_known"], account_id, list_id):
        return None
    return Audience(list_id, Query(), {}, api.now())


async def _from_faults(api: Api, account_id: int, message_ids: Sequence[int]) -> tuple[Fault, ...]:
    found = [await from_fault_of_message(api.database, account_id, each, api.terms) for each in message_ids]
    return tuple(Fault("message_ids", fault) for fault in dict.fromkeys(found) if fault)
