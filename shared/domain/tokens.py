"""Signed tokens: what a pixel, a link, a bounce address and a Message-ID carry instead of ids.

A token is 31 bytes: the masked (task, ordinal, kind, link) and a keyed BLAKE2b over them. The mask is derived from that
MAC (as in SIV, RFC 5297), so nothing is in clear, equal contents give equal tokens, and no nonce has to be kept. On the
web it is base64url without padding (42 characters), in an envelope address lower-case base32 (52 with its ``b+``),
since relays fold case.

Reading never raises: whatever is not exactly what one of our keys signs is ``None``.
"""

import binascii
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import blake2b
from struct import Struct
from typing import Final

VERP_PREFIX: Final = "b+"

_PLAIN: Final = Struct(">qIBH")  #: task int64, ordinal uint32, kind uint8, link uint16
_MAC_SIZE: Final = 16
_WEB_LENGTH: Final = 42
_VERP_LENGTH: Final = len(VERP_PREFIX) + 50
_TO_WEB: Final = bytes.maketrans(b"+/", b"-_")
_BASE32: Final = "abcdefghijklmnopqrstuvwxyz234567"
_BASE32_PAIRS: Final = [first + second for first in _BASE32 for second in _BASE32]


class TokenKind(IntEnum):
    """What a token is good for; stored in links that are out in the world, so a number is never given a new meaning."""

    OPEN = 1
    CLICK = 2
    UNSUBSCRIBE = 3
    BOUNCE = 4
    MESSAGE = 5  #: the local part of a Message-ID
    RECEIPT = 6  #: what became of an SMS
    INBOUND = 7  #: an account's address for the SMS that people send to it; its number stands in place of the task


@dataclass(frozen=True, slots=True)
class Token:
    task: int
    ordinal: int
    kind: TokenKind
    link: int  #: number of the link in its message; 0 where there is none


def of_notice(notice_id: int) -> int:
    """What stands in place of the task in the tokens of a message outside any task: no task has a negative number."""
    return -notice_id


def is_of_notice(token: Token) -> bool:
    return token.task < 0


class TokenKeys:
    """Signs with the first secret and reads what any of them signed.

    Args:
        secrets: newest first, at least one, none empty; ValueError otherwise.
    """

    def __init__(self, secrets: Sequence[bytes]) -> None:
        if not secrets or not all(secrets):
            raise ValueError("tokens need at least one secret, and none may be empty")
        self._keys = [_Key(secret) for secret in secrets]
        self._signer = self._keys[0]

    def web(self, task: int, ordinal: int, kind: TokenKind, link: int = 0) -> str:
        """A token for a URL or a Message-ID: letters, digits, ``-`` and ``_``.

        struct.error if a number does not fit its field.
        """
        return _to_web(self._signer.seal(_PLAIN.pack(task, ordinal, kind, link)))

    def verp(self, task: int, ordinal: int, kind: TokenKind = TokenKind.BOUNCE, link: int = 0) -> str:
        """The local part of an envelope sender, 52 octets: any bounce leads back to its recipient."""
        return _to_verp(self._signer.seal(_PLAIN.pack(task, ordinal, kind, link)))

    def read_web(self, text: str) -> Token | None:
        if len(text) != _WEB_LENGTH:
            return None
        try:
            sealed = binascii.a2b_base64(text.replace("-", "+").replace("_", "/") + "==")
        except ValueError:
            return None
        # The spare bits of the last character and anything the decoder skips must not give one token two spellings.
        return self._open(sealed) if len(sealed) == 31 and _to_web(sealed) == text else None

    def read_verp(self, text: str) -> Token | None:
        """``text`` is a local part, in any case."""
        folded = text.lower() if text.isascii() else ""
        if len(folded) != _VERP_LENGTH or not folded.startswith(VERP_PREFIX):
            return None
        number = 0
        for character in folded[len(VERP_PREFIX) :]:
            number = number << 5 | max(_BASE32.find(character), 0)
        sealed = (number >> 2).to_bytes(31, "big")
        return self._open(sealed) if _to_verp(sealed) == folded else None

    def _open(self, sealed: bytes) -> Token | None:
        for key in self._keys:
            plain = key.open(sealed)
            if plain is not None:
                task, ordinal, kind, link = _PLAIN.unpack(plain)
                return Token(task, ordinal, TokenKind(kind), link) if kind in _KINDS else None
        return None


_KINDS: Final = frozenset(TokenKind)


class _Key:
    """One secret as two hash states that are only ever copied: keying them anew would cost half the time again."""

    __slots__ = ("_mac", "_mask")

    def __init__(self, secret: bytes) -> None:
        self._mac = blake2b(key=_derive(secret, b"token mac"), digest_size=_MAC_SIZE)
        self._mask = blake2b(key=_derive(secret, b"token mask"), digest_size=_PLAIN.size)

    def seal(self, plain: bytes) -> bytes:
        hasher = self._mac.copy()
        hasher.update(plain)
        mac = hasher.digest()
        return self._masked(plain, mac) + mac

    def open(self, sealed: bytes) -> bytes | None:
        mac = sealed[_PLAIN.size :]
        plain = self._masked(sealed[: _PLAIN.size], mac)
        hasher = self._mac.copy()
        hasher.update(plain)
        return plain if hmac.compare_digest(hasher.digest(), mac) else None

    def _masked(self, data: bytes, mac: bytes) -> bytes:
        hasher = self._mask.copy()
        hasher.update(mac)
        mask = int.from_bytes(hasher.digest(), "big")
        return (int.from_bytes(data, "big") ^ mask).to_bytes(_PLAIN.size, "big")


def _derive(secret: bytes, purpose: bytes) -> bytes:
    return blake2b(secret, digest_size=64, person=purpose).digest()


def _to_web(sealed: bytes) -> str:
    return binascii.b2a_base64(sealed, newline=False)[:_WEB_LENGTH].translate(_TO_WEB).decode("ascii")


def _to_verp(sealed: bytes) -> str:
    number = int.from_bytes(sealed, "big") << 2
    return VERP_PREFIX + "".join([_BASE32_PAIRS[number >> shift & 1023] for shift in range(240, -1, -10)])
