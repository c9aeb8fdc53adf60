"""A marked proof of a message, as it would be sent but for what counts: no pixel, links as they are. Pure.

Its tokens name the notice in place of a task, so that its way to unsubscribe leads to a page that says so, and a bounce
or a receipt of it changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from shared.composing.fill_message import RecipientData, envelope_sender, fill
from shared.composing.prepare_message import PreparedMessage, SendContext, prepare
from shared.composing.prepare_sms import PreparedSms, fill_sms, prepare_sms
from shared.composing.template_engine import Unrenderable
from shared.domain.email_content import EmailContent, find_problems
from shared.domain.refusal import Fault
from shared.domain.sms_content import body_faults, fault_in_text
from shared.domain.tokens import TokenKeys, of_notice

MARK: Final = "[Test] "


@dataclass(frozen=True, slots=True)
class ProofContext:
    account_id: int
    tracker_url: str
    bounce_domain: str
    date: float  #: unix seconds


@dataclass(frozen=True, slots=True)
class Proof:
    """``sender`` and ``content`` as a notice has them."""

    sender: str
    content: bytes | str


Prepared = PreparedMessage | PreparedSms


def prepare_proof(message: Mapping[str, Any], context: ProofContext) -> Prepared | list[Fault]:
    """``message``: as the API shows it. Else what keeps its marked form from being sent."""
    return _prepare_sms(message, context) if message["channel"] == "sms" else _prepare_email(message, context)


def fill_proof(prepared: Prepared, notice_id: int, recipient: RecipientData, tokens: TokenKeys) -> Proof | Fault:
    """For one recipient; a Fault without a field where his values make it unsendable."""
    mine = replace(prepared, task_id=of_notice(notice_id))
    try:
        if isinstance(mine, PreparedMessage):
            return Proof(envelope_sender(mine, 0, tokens).decode(), fill(mine, 0, recipient, tokens))
        text = fill_sms(mine, 0, recipient, tokens)
    except Unrenderable as error:
        return Fault("", str(error))
    fault = fault_in_text(text)
    return Proof(mine.sender.decode(), text) if fault is None else Fault("", fault)


def _prepare_email(message: Mapping[str, Any], context: ProofContext) -> PreparedMessage | list[Fault]:
    content = EmailContent(
        subject=MARK + message["subject"],
        from_name=message["from_name"] or "",
        from_email=message["from_email"],
        reply_to=message["reply_to"],
        html=message["html"],
        text=message["text"],
        track_opens=False,
        track_clicks=False,
        marketing=message["class"] == "marketing",
    )
    if problems := find_problems(content):
        return [Fault(field, fault) for field, fault in problems]
    return prepare(
        content,
        SendContext(
            task_id=0,  # the notice's number comes with each recipient
            account_id=context.account_id,
            tracker_url=context.tracker_url,
            message_id_domain=content.from_email.rpartition("@")[2],
            bounce_domain=context.bounce_domain,
            date=context.date,
            list_name="",
            links={},
        ),
    )


def _prepare_sms(message: Mapping[str, Any], context: ProofContext) -> PreparedSms | list[Fault]:
    body = MARK + message["body"]
    if faults := body_faults(body):
        return [Fault("body", fault) for fault in faults]
    return prepare_sms(message["sender"], body, 0, context.tracker_url, "")
