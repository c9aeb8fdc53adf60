"""Makes one recipient's message out of what a task prepared: the only place of sending where the channels differ."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from services.dispatcher.channels.interface import Outgoing
from shared.composing.fill_message import RecipientData, fill_signed, signed_ahead
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
    def compose(self, rows: Sequence[Row]) -> Iterator[Outgoing | Unsendable]:
        """``rows``: of ``recipients_of_batch``. The same row gives the same octets at each attempt. Each message is
        made when it is asked for: there may be many, and large ones.
        """
        ...

    def units(self, row: Row) -> int:
        """What the message of this row is charged as; 0 where there is none to send."""
        ...


@dataclass(frozen=True, slots=True)
class EmailComposer:
    message: PreparedMessage
    tokens: TokenKeys

    def compose(self, rows: Sequence[Row]) -> Iterator[Outgoing | Unsendable]:
        signed = signed_ahead(self.message, [row["ordinal"] for row in rows], self.tokens)
        for row, (sender, tokens) in zip(rows, signed, strict=True):
            yield self._composed(row, sender, tokens)

    def _composed(self, row: Row, sender: bytes, tokens: Sequence[bytes]) -> Outgoing | Unsendable:
        ordinal, email = row["ordinal"], row["address"]
        address = to_envelope(email)
        if address is None:
            return Unsendable("the address cannot be written to")
        recipient = RecipientData(email, row["telephone"], row["vars"] or {})
        try:
            content = fill_signed(self.message, ordinal, address, recipient, tokens, self.tokens)
        except Unrenderable as error:
            return Unsendable(str(error))
        return Outgoing(ordinal, sender, address, content, is_strict=True)

    def units(self, row: Row) -> int:
        return 1


@dataclass(frozen=True, slots=True)
class SmsComposer:
    message: PreparedSms
    tokens: TokenKeys

    def compose(self, rows: Sequence[Row]) -> Iterator[Outgoing | Unsendable]:
        return map(self._composed, rows)

    def _composed(self, row: Row) -> Outgoing | Unsendable:
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
        composed = self._composed(row)
        return 0 if isinstance(composed, Unsendable) else count_parts(composed.content.decode()).parts
