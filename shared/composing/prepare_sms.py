"""An SMS, prepared once per task and filled for each recipient. Pure.

The text is the author's and nothing else: no link is tracked and nothing is added, since every character may cost a
part.
"""

from dataclasses import dataclass

from shared.composing.compile_body import BodyContext, Mark, TokenMark, compile_sms
from shared.composing.compile_program import CompiledProgram, compile_program, needs_program
from shared.composing.fill_message import RecipientData, Tokens, names_of, value_of
from shared.domain.sms_content import sendable_lines


@dataclass(frozen=True, slots=True)
class PreparedSms:
    task_id: int
    sender: bytes
    list_name: str
    parts: tuple[str | Mark, ...]
    program: CompiledProgram[str] | None  #: a body with conditions, loops or filters is rendered, and has no parts


def prepare_sms(sender: str, body: str, task_id: int, tracker_url: str, list_name: str) -> PreparedSms:
    """``tracker_url``: public base of the unsubscribe URL; ``list_name`` is empty for a task that goes to a search."""
    context = BodyContext(tracker_url=tracker_url, list_name=list_name, links={}, open_pixel=False, footer=False)
    parts = compile_sms(sendable_lines(body), context)
    if needs_program(parts):
        return PreparedSms(task_id, sender.encode(), list_name, (), compile_program(parts, str, escaped=False))
    cut = tuple([part for part in parts if isinstance(part, str | Mark)])
    return PreparedSms(task_id, sender.encode(), list_name, cut, None)


def fill_sms(prepared: PreparedSms, ordinal: int, recipient: RecipientData, tokens: Tokens) -> str:
    """The text for one recipient; the same at each attempt while ``vars`` are the same. Raises Unrenderable."""

    def fill(part: str | Mark) -> str:
        return _filled(part, prepared.task_id, ordinal, recipient, tokens)

    if prepared.program:
        return "".join(prepared.program.render(names_of(recipient, prepared.list_name), sendable_lines, fill))
    return "".join([fill(part) for part in prepared.parts])


def _filled(part: str | Mark, task_id: int, ordinal: int, recipient: RecipientData, tokens: Tokens) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, TokenMark):
        return tokens.web(task_id, ordinal, part.kind, part.link)
    return sendable_lines(value_of(part.path, recipient)) or sendable_lines(part.default)
