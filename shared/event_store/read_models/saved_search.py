"""The search's row."""

from shared.domain import saved_search
from shared.domain.saved_search import SavedSearch
from shared.event_store.handle_command import Aggregate
from shared.event_store.interface import Write
from shared.event_store.read_models.statements import STATEMENTS


def rows(state: SavedSearch, version: int) -> tuple[Write, ...]:
    return (
        Write(
            STATEMENTS["write_search"],
            (
                state.search_id,
                state.account_id,
                state.name,
                version,
                state.list_id,
                dict(state.query),
                state.cdate,
                state.removed,
            ),
        ),
    )


SEARCHES: Aggregate[SavedSearch, saved_search.Command, saved_search.Event] = Aggregate(
    saved_search.replay, saved_search.decide, saved_search.evolve, rows
)
