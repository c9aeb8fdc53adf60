"""An SMS, prepared once per task and filled for each recipient. Pure.

The text is the author's and nothing else: no link is tracked and nothing is added, since every character may cost a
part.
"""

from dataclasses import dataclass

from shared.composing.compile_body import BodyContext, Part, TokenMark, compile_sms
from shared.composing.fill_message import RecipientData, value_of
from shared.domain.sms_content import sendable_lines
from shared.domain.tokens import TokenKeys


@dataclass(frozen=True, slots=True)
class PreparedSms:
    task_id: int
    sender: bytes
    parts: tuple[Part, ...]


def prepare_sms(sender: str, body: str, task_id: int, tracker_url: str, list_name: str) -> PreparedSms:
    """``tracker_url``: public base of the unsubscribe URL; ``list_name`` is empty for a task that goes to a search."""
    context = BodyContext(tracker_url=tracker_url, list_name=list_name, links={}, open_pixel=False, footer=False)
    return PreparedSms(task_id, sender.encode(), tuple(compile_sms(sendable_lines(body), context)))


def fill_sms(prepared: PreparedSms, ordinal: int, recipient: RecipientData, tokens: TokenKeys) -> str:
    """The text for one recipient; the same at each attempt while ``vars`` are the same."""
    return "".join([_filled(part, prepared.task_id, ordinal, recipient, tokens) for part in prepared.parts])


def _filled(part: Part, task_id: int, ordinal: int, recipient: RecipientData, tokens: TokenKeys) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, TokenMark):
        return tokens.web(task_id, ordinal, part.kind, part.link)
    return sendable_lines(value_of(part.path, recipient)) or sendable_lines(part.default)
