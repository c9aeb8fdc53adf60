"""docs/reference/audit.md: every check of the auditor, by the table of checks."""

from typing import Final

from services.standalone.audit.checks.calls import RECEIVED_CHECKS
from services.standalone.audit.run import CHECKS
from services.standalone.audit.store.checks import NOTICE_CHECKS
from services.standalone.reference.markdown import page, table

_HEAD: Final = """What [`postroom audit`](../how-to/audit.md) holds against what is stored. The number is that of the
promise which a breach breaks. Checks marked *counted* need what relays or receivers have counted: the tests have
that."""

_OUTSIDE: Final = frozenset(
    {
        *(check.name for check in (*NOTICE_CHECKS, *RECEIVED_CHECKS)),
        "doubled are listed",
        "two copies at most",
        "accepted were taken",
        "taken are recorded",
        "same on each attempt",
        "cancel is heeded",
        "rate in every window",
    }
)


def audit_page() -> str:
    rows = [
        [check.name, check.invariant, check.sentence, "counted" if check.name in _OUTSIDE else ""] for check in CHECKS
    ]
    return page("Checks of the auditor", _HEAD, table(["check", "promise", "what must be so", ""], rows))
