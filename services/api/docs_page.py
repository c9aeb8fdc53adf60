"""``/docs``: one file, whose style and script stand in it. The policy lets these two alone run, by their hashes."""

import base64
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_FILE: Final = Path(__file__).with_name("docs.html")
_INLINE: Final = re.compile(rb"<(style|script)>(.*?)</\1>", re.DOTALL)


def read_docs() -> tuple[bytes, Mapping[str, str]]:
    """The page and its headers."""
    page = _FILE.read_bytes()
    return page, {
        "Content-Security-Policy": policy_of(page),
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
    }


def policy_of(page: bytes) -> str:
    """Whatever else comes into the page is not run, asks nobody but this API, and leads nowhere. Pure."""
    hashes = {
        kind.decode(): base64.b64encode(hashlib.sha256(text).digest()).decode() for kind, text in _INLINE.findall(page)
    }
    return (
        f"default-src 'none'; script-src 'sha256-{hashes['script']}'; style-src 'sha256-{hashes['style']}'; "
        "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
