"""Makes one recipient's message out of what a task prepared: the only place of sending where the channels differ."""

from dataclasses import dataclass
from typing import Protocol

from services.dispatcher.channels.interface import Outgoing
from shared.composing.fill_message import RecipientData, envelope_sender, fill
from shared.composing.prepare_message import PreparedMessage
from shared.domain.email_address import to_envelope
from shared.domain.tokens import TokenKeys
from shared.postgres.database import Row


@dataclass(frozen=True, slots=True)
class Unsendable:
    """Nothing can be handed over for this recipient, now or later."""

    reason: str


class Composer(Protocol):
    def compose(self, row: Row) -> Outgoing | Unsendable:
        """``row``: of ``recipients_of_batch``. The same row gives the same octets at each attempt."""
        ...


@dataclass(frozen=True, slots=True)
class EmailComposer:
    message: PreparedMessage
    tokens: TokenKeys

    def compose(self, row: Row) -> Outgoing | Unsendable:
        address = to_envelope(row["address"])
        if address is None:
            return Unsendable("the address cannot be written to")
        recipient = RecipientData(row["address"], row["telephone"], row["vars"] or {})
        return Outgoing(
            ordinal=row["ordinal"],
            sender=envelope_sender(self.message, row["ordinal"], self.tokens),
            recipient=address,
            content=fill(self.message, row["ordinal"], recipient, self.tokens),
        )
