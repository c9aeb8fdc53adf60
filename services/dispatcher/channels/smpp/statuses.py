"""What an SMSC's command_status means for a message, as a table (SMPP 3.4 section 5.1.3). Pure."""

from typing import Final

from services.dispatcher.channels.interface import Outcome, OutcomeKind, Stage
from services.dispatcher.decisions.read_receipt import fit_name, named

THROTTLED: Final = frozenset({0x14, 0x58})  #: ESME_RMSGQFUL, ESME_RTHROTTLED: too fast, nothing wrong with the message

_NAMES: Final = {
    0x01: "ESME_RINVMSGLEN",
    0x04: "ESME_RINVBNDSTS",
    0x05: "ESME_RALYBND",
    0x08: "ESME_RSYSERR",
    0x0A: "ESME_RINVSRCADR",
    0x0B: "ESME_RINVDSTADR",
    0x0D: "ESME_RBINDFAIL",
    0x0E: "ESME_RINVPASWD",
    0x0F: "ESME_RINVSYSID",
    0x14: "ESME_RMSGQFUL",
    0x45: "ESME_RSUBMITFAIL",
    0x48: "ESME_RINVSRCTON",
    0x49: "ESME_RINVSRCNPI",
    0x50: "ESME_RINVDSTTON",
    0x51: "ESME_RINVDSTNPI",
    0x53: "ESME_RINVSYSTYP",
    0x58: "ESME_RTHROTTLED",
    0x64: "ESME_RX_T_APPN",
    0x65: "ESME_RX_P_APPN",
    0x66: "ESME_RX_R_APPN",
}
#: These speak of the number or of this message to it.
_REFUSED: Final = frozenset({0x01, 0x0B, 0x50, 0x51, 0x65, 0x66})
#: These speak of us: how we are bound, our sender.
_BLOCKED: Final = frozenset({0x02, 0x03, 0x04, 0x05, 0x0A, 0x0D, 0x0E, 0x0F, 0x48, 0x49, 0x53})


def name_of(status: int) -> str:
    return _NAMES.get(status, f"status 0x{status:08x}")


def outcome_of_submit(status: int, reference: str) -> Outcome:
    """``reference``: the name that the SMSC gave the message; one that cannot be kept is as none, and it is taken."""
    if status == 0:
        return Outcome(OutcomeKind.ACCEPTED, 0, named(fit_name(reference)), Stage.DOT)
    if status in THROTTLED:
        kind = OutcomeKind.UNSENT
    elif status in _REFUSED:
        kind = OutcomeKind.REFUSED
    else:
        kind = OutcomeKind.BLOCKED if status in _BLOCKED else OutcomeKind.DEFERRED
    return Outcome(kind, status, name_of(status), Stage.DOT)


def outcome_of_bind(status: int) -> Outcome:
    """Why there is no session: an SMSC that says no to who we are says it again, anything else may pass."""
    kind = OutcomeKind.BLOCKED if status in _BLOCKED - {0x05} else OutcomeKind.UNSENT
    return Outcome(kind, status, f"bind refused: {name_of(status)}", Stage.AUTH)
