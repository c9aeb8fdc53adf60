"""What an email says, and everything that may be wrong with it. Pure."""

from dataclasses import dataclass
from typing import Final

from shared.domain.email_address import to_envelope
from shared.domain.template import one_line
from shared.domain.template_tags import read_template

LONGEST_HEADER: Final = (
    998  #: characters of a subject or a name, as written; RFC 5322 2.1.1 allows a line that many octets
)


@dataclass(frozen=True, slots=True)
class EmailContent:
    """One email as its author wrote it; ``subject``, ``html`` and ``text`` are templates."""

    subject: str
    from_name: str
    from_email: str
    reply_to: str | None
    html: str | None
    text: str | None
    track_opens: bool
    track_clicks: bool
    marketing: bool  #: class marketing: must offer a way to unsubscribe


def find_problems(content: EmailContent) -> list[tuple[str, str]]:
    """Every fault as (field, sentence), in the order of the fields; none means that it can be prepared and sent."""
    faults_by_field = {
        "subject": _subject_faults(content.subject),
        "from_name": _header_faults(content.from_name),
        "from_email": _address_faults(content.from_email),
        "reply_to": _address_faults(content.reply_to) if content.reply_to else [],
        "html": _body_faults(content.html) if content.html or content.text else ["html or text is required"],
        "text": _body_faults(content.text),
    }
    return [(field, fault) for field, faults in faults_by_field.items() for fault in faults]


def _subject_faults(subject: str) -> list[str]:
    template = read_template(subject)
    misplaced = ["unsubscribe_url belongs into the body"] if any(tag.unsubscribes for tag in template.tags) else []
    required = [] if subject.strip() else ["a subject is required"]
    return [*_line_faults(subject), *required, *template.faults, *misplaced]


def _header_faults(text: str) -> list[str]:
    return [*_line_faults(text), *(["no placeholders here"] if "{{" in text or "{%" in text else [])]


def _line_faults(text: str) -> list[str]:
    faults = [] if one_line(text) == text else ["line breaks, controls and changes of direction are not allowed"]
    return faults if len(text) <= LONGEST_HEADER else [*faults, f"at most {LONGEST_HEADER} characters"]


def _address_faults(address: str) -> list[str]:
    envelope = to_envelope(address)
    if envelope is None:
        return ["must be one email address, as in name@example.org"]
    return [] if envelope.isascii() else ["must be ASCII before the @: not every reader could answer"]


def _body_faults(body: str | None) -> list[str]:
    return [*read_template(body or "").faults, *(["NUL is not allowed"] if "\0" in (body or "") else [])]
