"""What a mail that came back says of the message it answers. Pure."""

from dataclasses import dataclass
from typing import Literal

from shared.domain.delivery import Kind

#: In the words of RFC 3464 where it is a report on delivery; the others say what else it is.
Verdict = Literal[
    "failed",
    "delivered",
    "delayed",
    "expanded",
    "relayed",
    "complaint",
    "other_report",  # of a feedback loop, but no complaint
    "auto_reply",
    "unknown",
    "unreadable",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to record for whoever it came back for."""

    kind: Kind
    note: str = ""  #: why, without any address


@dataclass(frozen=True, slots=True)
class Judgement:
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
