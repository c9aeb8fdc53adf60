"""A message as one recipient would get it, without being sent: what can be read, counted and complained about. Pure.

It is prepared and filled as for sending, and read back. Links are as they were written, nothing is counted, and the way
to unsubscribe leads to a page that says that there is nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Final

from shared.composing.check_message import email_problems, sms_problems
from shared.composing.fill_message import RecipientData, fill
from shared.composing.prepare_message import SendContext, prepare
from shared.composing.prepare_sms import fill_sms, prepare_sms
from shared.composing.template_engine import Unrenderable
from shared.domain.email_address import to_envelope
from shared.domain.email_content import EmailContent
from shared.domain.message_links import extract_links
from shared.domain.sms_content import fault_in_text
from shared.domain.sms_parts import SmsParts, count_parts
from shared.domain.template_sample import sample_vars
from shared.domain.template_tags import read_template
from shared.domain.tokens import TokenKind

Problem = tuple[str, str]  #: field, or empty for the whole, and sentence

#: Of the header fields those that an author decides on; the others say when and by whom it was sent.
_SHOWN: Final = (
    *("From", "To", "Reply-To", "Subject"),
    *("List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID"),
)


@dataclass(frozen=True, slots=True)
class EmailPreview:
    """``size``: octets of the message as it would be sent, tracked and not yet signed. What could not be made is None,
    and ``faults`` say why.
    """

    headers: dict[str, str]
    text: str | None
    html: str | None
    size: int | None
    faults: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class SmsPreview:
    text: str | None
    parts: SmsParts | None
    faults: tuple[Problem, ...]


class _NoTokens:
    """As long as real ones, and nobody's."""

    def web(self, task: int, ordinal: int, kind: TokenKind, link: int = 0) -> str:
        return "preview".ljust(42, "-")


def sample_recipient(sources: Sequence[str]) -> RecipientData:
    """Somebody who has everything that these templates ask for."""
    values = sample_vars([read_template(source) for source in sources])
    return RecipientData("recipient@example.com", "+447700900000", values)


def preview_email(content: EmailContent, context: SendContext, recipient: RecipientData) -> EmailPreview:
    """``context``: whose links are not looked at."""
    if problems := email_problems(content):
        return EmailPreview({}, None, None, None, tuple(problems))
    links = extract_links(content.html, content.text) if content.track_clicks else []
    numbers = {url: number for number, url in enumerate(links, start=1)}
    plain = replace(content, track_opens=False, track_clicks=False)
    try:
        shown = fill(prepare(plain, context), 0, recipient, _NoTokens())
        sent = fill(prepare(content, replace(context, links=numbers)), 0, recipient, _NoTokens())
    except Unrenderable as error:
        return EmailPreview({}, None, None, None, (("", str(error)),))
    message = message_from_bytes(shown, policy=policy.SMTP)
    headers = {name: str(message[name]) for name in _SHOWN if name in message}
    no_address = () if to_envelope(recipient.email) else (("email", "the address cannot be written to"),)
    return EmailPreview(headers, _body(message, "plain"), _body(message, "html"), len(sent), no_address)


def preview_sms(sender: str, body: str, context: SendContext, recipient: RecipientData) -> SmsPreview:
    if problems := sms_problems(body):
        return SmsPreview(None, None, tuple(problems))
    prepared = prepare_sms(sender, body, context.task_id, context.tracker_url, context.list_name)
    try:
        text = fill_sms(prepared, 0, recipient, _NoTokens())
    except Unrenderable as error:
        return SmsPreview(None, None, (("", str(error)),))
    fault = fault_in_text(text)
    return SmsPreview(text, count_parts(text), (("body", fault),) if fault else ())


def _body(message: EmailMessage, kind: str) -> str | None:
    body = message.get_body((kind,))
    return str(body.get_content()).replace("\r\n", "\n") if body else None
