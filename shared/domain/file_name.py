"""A name for a file, out of words that somebody chose. Pure."""

import re
import unicodedata
from typing import Final

LONGEST: Final = 100

_OTHERS: Final = re.compile(r"[^a-z0-9]+")


def csv_name(words: str) -> str:
    """Small letters, digits and ``_``: nothing in it means anything to a shell, a header or a folder."""
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    return (_OTHERS.sub("_", plain).strip("_")[:LONGEST].strip("_") or "export") + ".csv"
