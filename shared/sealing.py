"""Seals what is secret but used again: AES-256-GCM (NIST SP 800-38D) under a key derived from POSTROOM_SECRET.

Each context ("account-7 webhook_secret") has a key of its own, by HKDF-SHA256 (RFC 5869): what was sealed for one place
cannot be put in another. Sealed: one byte of format, 12 of nonce, then the ciphertext with its tag.
"""

from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_SIZE: Final = 12
_FORMAT: Final = b"\x01"


class CannotOpen(Exception):
    """None of the secrets opens it: another secret, another context, or the bytes were changed."""


def dkim_context(key_id: int) -> str:
    """Of the private half of a key that mail is signed with: sealed by the api, opened by whoever signs."""
    return f"dkim-{key_id} private_key"


def job_key_context(number: int) -> str:
    """Of the key that a job was posted with, until it has told its end."""
    return f"job-{number} key"


def postback_context(number: int) -> str:
    """Of what is posted when a job has ended: it holds that key."""
    return f"job-{number} postback"


def seal(secrets: Sequence[bytes], context: str, plain: bytes, nonce: bytes) -> bytes:
    """Under the first of the secrets. ``nonce``: 12 bytes nobody used before."""
    return _FORMAT + nonce + _cipher(secrets[0], context).encrypt(nonce, plain, None)


def open_sealed(secrets: Sequence[bytes], context: str, sealed: bytes) -> bytes:
    """By whichever of the secrets sealed it. Raises CannotOpen."""
    nonce, ciphertext = sealed[1 : 1 + NONCE_SIZE], sealed[1 + NONCE_SIZE :]
    if sealed[:1] != _FORMAT or len(nonce) < NONCE_SIZE:
        raise CannotOpen("not a format this version reads")
    for secret in secrets:
        try:
            return _cipher(secret, context).decrypt(nonce, ciphertext, None)
        except InvalidTag:
            continue
    raise CannotOpen(f"no secret opens it for {context}")


def _cipher(secret: bytes, context: str) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=f"postroom sealing {context}".encode()).derive(secret))
