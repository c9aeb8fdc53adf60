"""A reader's complaint, as his provider's feedback loop reports it (ARF, RFC 5965). Pure."""

from email.message import Message
from itertools import islice
from typing import Final

from services.tracker.decisions.returned_mail.judgement import Finding, Judgement
from services.tracker.decisions.returned_mail.parse_mail import Mail, field
from services.tracker.decisions.returned_mail.report_groups import groups_of
from shared.domain.delivery import Kind

MOST_GROUPS: Final = 10  #: of fields that are looked at; there should be one

#: What a reader said against a message. Not so: not-spam (RFC 6430) is praise, auth-failure and dmarc speak of our DNS.
COMPLAINTS: Final = frozenset({"abuse", "fraud", "virus", "miscategorized", "opt-out", "opt-out-list"})


def read_arf(mail: Mail) -> Judgement | None:
    """None: it is no feedback report."""
    report = next((part for part in mail.parts if part.get_content_type() == "message/feedback-report"), None)
    if report is None:
        return None
    kind = _feedback_type(report)
    if kind in COMPLAINTS:
        return Judgement("complaint", (Finding(Kind.COMPLAINED, kind),))
    return Judgement("other_report")


def _feedback_type(report: "Message[str, str]") -> str:
    """Of the group that says it: some put a blank line before it."""
    told = (field(group, "Feedback-Type").lower().split() for group in islice(groups_of(report), MOST_GROUPS))
    words = next(filter(None, told), [])
    return words[0].rstrip(";") if words else ""
