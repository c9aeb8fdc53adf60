"""Makes one recipient's message out of what a task prepared: the only place of sending where the channels differ."""

import re
from dataclasses import dataclass
from typing import Final, Protocol

from services.dispatcher.channels.interface import Outgoing
from shared.composing.fill_message import RecipientData, envelope_sender, fill
from shared.composing.prepare_message import PreparedMessage
from shared.composing.prepare_sms import PreparedSms, fill_sms
from shared.composing.template_engine import Unrenderable
from shared.domain.email_address import to_envelope
from shared.domain.sms_content import fault_in_text
from shared.domain.sms_parts import count_parts
from shared.domain.tokens import TokenKeys, TokenKind
from shared.postgres.database import Row

_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}").fullmatch


@dataclass(frozen=True, slots=True)
class Unsendable:
    """Nothing can be handed over for this recipient, now or later."""

    reason: str


class Composer(Protocol):
    def compose(self, row: Row) -> Outgoing | Unsendable:
        """``row``: of ``recipients_of_batch``. The same row gives the same octets at each attempt."""
        ...

    def units(self, row: Row) -> int:
        """What the message of this row is charged as; 0 where there is none to send."""
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
        try:
            content = fill(self.message, row["ordinal"], recipient, self.tokens)
        except Unrenderable as error:
            return Unsendable(str(error))
        return Outgoing(
            ordinal=row["ordinal"],
            sender=envelope_sender(self.message, row["ordinal"], self.tokens),
            recipient=address,
            content=content,
        )

    def units(self, row: Row) -> int:
        return 1


@dataclass(frozen=True, slots=True)
class SmsComposer:
    message: PreparedSms
    tokens: TokenKeys

    def compose(self, row: Row) -> Outgoing | Unsendable:
        telephone, ordinal = row["address"], row["ordinal"]
        if not _E164(telephone):
            return Unsendable("the number cannot be sent to")
        recipient = RecipientData(row["email"] or "", telephone, row["vars"] or {})
        try:
            text = fill_sms(self.message, ordinal, recipient, self.tokens)
        except Unrenderable as error:
            return Unsendable(str(error))
        fault = fault_in_text(text)
        if fault is not None:
            return Unsendable(fault)
        return Outgoing(
            ordinal=ordinal,
            sender=self.message.sender,
            recipient=telephone.encode("ascii"),
            content=text.encode("utf-8", "replace"),
            reference=self.tokens.web(self.message.task_id, ordinal, TokenKind.RECEIPT),
        )

    def units(self, row: Row) -> int:
        composed = self.compose(row)
        return 0 if isinstance(composed, Unsendable) else count_parts(composed.content.decode()).parts
