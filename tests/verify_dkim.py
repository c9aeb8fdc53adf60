"""Signatures as dkimpy sees them, which knows nothing of us. What it leaves to libsodium, the curve, is done here by
`cryptography`.
"""

import base64
from collections.abc import Mapping
from types import SimpleNamespace

import dkim  # type: ignore[import-untyped]  # it has no types
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class _VerifyKey:
    def __init__(self, key: bytes, encoder: object) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(base64.b64decode(key))

    def verify(self, message: bytes, signature: bytes) -> None:
        self._key.verify(signature, message)


dkim.nacl = SimpleNamespace(
    signing=SimpleNamespace(VerifyKey=_VerifyKey),
    encoding=SimpleNamespace(Base64Encoder=None),
    exceptions=SimpleNamespace(BadSignatureError=InvalidSignature, ValueError=ValueError),
)


def verdicts(content: bytes, published: Mapping[str, str]) -> list[bool]:
    """Of each signature, from the top. ``published``: the texts of TXT records by name, without a dot at the end."""

    def ask(name: bytes, timeout: float = 5) -> bytes | None:
        found = published.get(name.decode().rstrip("."))
        return found.encode() if found else None

    signatures = [name for name, _ in dkim.DKIM(content).headers if name.lower() == b"dkim-signature"]
    return [_verdict(content, number, ask) for number in range(len(signatures))]


def _verdict(content: bytes, number: int, ask: object) -> bool:
    try:
        return bool(dkim.DKIM(content).verify(number, ask))
    except dkim.DKIMException:
        return False
