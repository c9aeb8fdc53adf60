"""Everything that would keep a message from being sent, as far as it is known before there is a recipient. Pure.

What is refused here need not be found out in the middle of a task.
"""

from shared.composing.compile_body import BodyContext, compile_sms
from shared.composing.compile_program import compile_program, needs_program
from shared.composing.template_engine import Unrenderable, names_for
from shared.composing.text_from_html import text_from_html
from shared.domain.email_content import EmailContent, find_problems
from shared.domain.sms_content import body_faults
from shared.domain.template_sample import sample_vars
from shared.domain.template_tags import read_template

Problem = tuple[str, str]  #: field and sentence


def email_problems(content: EmailContent) -> list[Problem]:
    """Every fault, in the order of the fields."""
    problems = find_problems(content)
    if problems:
        return problems
    problems = [("html", fault) for fault in _text_faults(content)]
    for field, source in (("subject", content.subject), ("html", content.html), ("text", content.text)):
        problems += [(field, fault) for fault in _trial_faults(source or "")]
    return problems


def sms_problems(body: str) -> list[Problem]:
    return [("body", fault) for fault in body_faults(body) or _trial_faults(body)]


def _text_faults(content: EmailContent) -> list[str]:
    """Of the text part that is made of the html."""
    if content.text or not content.html:
        return []
    faults = read_template(text_from_html(content.html)).faults
    return ["a condition or loop begins inside a tag of html and ends outside: write the text, too"] if faults else []


def _trial_faults(source: str) -> list[str]:
    """Rendered for a recipient of whom nothing is known, and for one who has everything that is asked for."""
    context = BodyContext(tracker_url="", list_name="", links={}, open_pixel=False, footer=False)
    parts = compile_sms(source, context)
    if not needs_program(parts):
        return []
    try:
        program = compile_program(parts, str, escaped=True).program
        for values in ({}, sample_vars([read_template(source)])):
            program.render(names_for("", "", "", values))
    except (Unrenderable, ValueError) as error:
        return [str(error)]
    return []
