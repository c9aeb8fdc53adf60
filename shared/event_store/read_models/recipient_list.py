"""The list's row."""

from shared.domain import recipient_list
from shared.domain.recipient_list import RecipientList
from shared.event_store.handle_command import Aggregate
from shared.event_store.interface import Write
from shared.event_store.read_models.statements import STATEMENTS


def rows(state: RecipientList, version: int) -> tuple[Write, ...]:
    if state.removed:
        return (Write(STATEMENTS["remove_list"], (state.list_id,)),)
    head = (state.list_id, state.account_id, state.name, version)
    return (Write(STATEMENTS["write_list"], (*head, state.cdate, state.mdate)),)


LISTS: Aggregate[RecipientList, recipient_list.Command, recipient_list.Event] = Aggregate(
    recipient_list.replay, recipient_list.decide, recipient_list.evolve, rows
)
