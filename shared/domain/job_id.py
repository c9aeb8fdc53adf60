"""How a job is named to callers: 24 hexadecimal digits in lower case, the later the greater. Pure.

The first eight are the second it was made in, the others its number.
"""

import re
from typing import Final

from shared.domain.identifiers import INT63_MAX

LATEST: Final = 0xFFFF_FFFF  #: unix seconds, in the year 2106

_JOB_ID: Final = re.compile(r"[0-9a-f]{24}")


def write_job_id(number: int, made_at: float) -> str:
    """``number``: at least 1. ``made_at``: unix seconds."""
    return f"{min(int(made_at), LATEST):08x}{number:016x}"


def read_job_id(text: str) -> int | None:
    """The number; None: it is not the name of a job. Whether the rest of the name is right, its row says."""
    if not _JOB_ID.fullmatch(text):
        return None
    number = int(text[8:], 16)
    return number if 1 <= number <= INT63_MAX else None
