"""A reader's complaint, as his provider's feedback loop reports it (ARF, RFC 5965). Pure."""

from email.message import Message
from typing import Final

from services.tracker.decisions.returned_mail.judgement import Finding, Judgement
from services.tracker.decisions.returned_mail.parse_mail import Mail, field
from shared.domain.delivery import Kind

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
    """The parser takes the fields of the report for the headers of a message in it."""
    inner = report.get_payload()
    fields = inner[0] if isinstance(inner, list) and inner else report
    if not isinstance(fields, Message):
        return ""
    words = field(fields, "Feedback-Type").lower().split()
    return words[0].rstrip(";") if words else ""
