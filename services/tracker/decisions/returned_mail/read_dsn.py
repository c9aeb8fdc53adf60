"""A report on delivery (RFC 3464, and RFC 6533 for addresses beyond ASCII). Pure.

It may speak of several recipients: one of ours that is an alias at his provider. Whoever they are, the report came back
to an address that stands for one recipient of ours, and says how his message fared; the addresses in it are not read.
"""

from email.message import Message
from itertools import islice
from typing import Final

from services.tracker.decisions.returned_mail.find_reason import find_reason
from services.tracker.decisions.returned_mail.judgement import Finding, Judgement, Verdict
from services.tracker.decisions.returned_mail.parse_mail import Mail, field
from services.tracker.decisions.returned_mail.report_groups import groups_of
from services.tracker.decisions.returned_mail.write_note import status_in, write_note
from shared.domain.delivery import Kind

MOST_GROUPS: Final = 100  #: of fields; the first speaks of the message, each further one of a recipient

_REPORTS: Final = frozenset({"message/delivery-status", "message/global-delivery-status"})

#: By how the action begins, since some put a comment behind it, in the order in which one of several is the verdict.
_ACTIONS: Final[tuple[tuple[str, Verdict], ...]] = (
    ("fail", "failed"),
    ("error", "failed"),  # OpenSMTPD
    ("deliv", "delivered"),
    ("delay", "delayed"),
    ("expand", "expanded"),
    ("relay", "relayed"),
)
_BY_CLASS: Final[dict[str, Verdict]] = {"5": "failed", "4": "delayed"}  #: where there is no action
_KINDS: Final[dict[Verdict, Kind]] = {
    "failed": Kind.BOUNCED,
    "delivered": Kind.DELIVERED,
    "delayed": Kind.DEFERRED,
}


def read_dsn(mail: Mail) -> Judgement | None:
    """None: it is no such report, or none that says anything."""
    told: dict[Verdict, str] = {}
    for part in mail.parts:
        if part.get_content_type() in _REPORTS:
            for group in islice(groups_of(part), MOST_GROUPS):
                action = _action(group)
                if action is not None:
                    told.setdefault(action, _note(group, mail) if action in _KINDS else "")
    in_order = [action for _, action in _ACTIONS if action in told]
    if not in_order:
        return None
    findings = {_KINDS[action]: told[action] for action in in_order if action in _KINDS}
    return Judgement(in_order[0], tuple(Finding(kind, note) for kind, note in findings.items()))


def _action(group: "Message[str, str]") -> Verdict | None:
    action = field(group, "Action").lower()
    if not action:
        return _BY_CLASS.get(status_in(field(group, "Status"))[:1])
    return next((verdict for beginning, verdict in _ACTIONS if action.startswith(beginning)), None)


def _note(group: "Message[str, str]", mail: Mail) -> str:
    status, diagnostic = field(group, "Status"), field(group, "Diagnostic-Code")
    if _action(group) == "delivered":
        return ""
    # Some say why only in the part for people.
    return write_note(status, diagnostic or find_reason(mail))
