"""Bounces of mailers that send no report a program can read: known by their words, with flufl.bounce. Pure."""

from flufl.bounce import all_failures

from services.tracker.decisions.returned_mail.find_reason import find_reason
from services.tracker.decisions.returned_mail.judgement import Finding, Judgement
from services.tracker.decisions.returned_mail.parse_mail import Mail
from services.tracker.decisions.returned_mail.write_note import write_note
from shared.domain.delivery import Kind


def read_odd_bounce(mail: Mail) -> Judgement | None:
    """None: nobody knows a bounce that looks so. May raise what its many readers raise.

    They look into messages within the mail as well, and a report in there is on somebody else: so those are emptied.
    """
    for part in mail.parts:
        if part.get_content_type() == "message/rfc822":
            part.set_payload("")
    delayed, failed = all_failures(mail.message)
    if failed:
        return Judgement("failed", (Finding(Kind.BOUNCED, write_note("", find_reason(mail))),))
    if delayed:
        return Judgement("delayed", (Finding(Kind.DEFERRED, write_note("", find_reason(mail))),))
    return None
