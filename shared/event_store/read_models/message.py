"""The message's rows: the newest version, and each version as a task may have started with it."""

from shared.domain import message
from shared.domain.message import Message
from shared.event_store.handle_command import Aggregate
from shared.event_store.interface import Write
from shared.event_store.read_models.statements import STATEMENTS


def rows(state: Message, version: int) -> tuple[Write, ...]:
    head = (state.message_id, state.account_id, state.user_id, state.channel, state.name)
    return (
        Write(STATEMENTS["write_message"], (*head, version, dict(state.content), state.cdate, state.removed)),
        Write(
            STATEMENTS["write_message_version"],
            (state.message_id, state.version, dict(state.content), list(state.links)),
        ),
    )


MESSAGES: Aggregate[Message, message.Command, message.Event] = Aggregate(
    message.replay, message.decide, message.evolve, rows
)
