"""Signed tokens: what a pixel, a link, a bounce address and a Message-ID carry instead of ids.

A token is 31 bytes: the masked (task, ordinal, kind, link) and a keyed BLAKE2b over them. The mask is derived from that
MAC (as in SIV, RFC 5297), so nothing is in clear, equal contents give equal tokens, and no nonce has to be kept. On the
web it is base64url without padding (42 characters), in an envelope address lower-case base32 (52 with its ``b+``),
since relays fold case.

Reading never raises: whatever is not exactly what one of our keys signs is ``None``.
"""

import binascii
import hmac
import re
from collections.abc import Sequence
from enum import IntEnum
from hashlib import blake2b
from struct import Struct
from typing import Final, NamedTuple

from shared.domain.token_letters import as_local_parts, as_web

VERP_PREFIX: Final = "b+"
_PREFIX: Final = VERP_PREFIX.encode("ascii")

_PLAIN: Final = Struct(">qIBH")  #: task int64, ordinal uint32, kind uint8, link uint16
_HEAD: Final = Struct(">qI")
_TAIL: Final = Struct(">BH")
_MAC_SIZE: Final = 16
#: As one is written: of the last letter four bits are to spare, and no token has two spellings.
_WEB: Final = re.compile(r"[A-Za-z0-9_-]{41}[AQgw]")
_VERP_LENGTH: Final = len(VERP_PREFIX) + 50
_BASE32: Final = "abcdefghijklmnopqrstuvwxyz234567"


class TokenKind(IntEnum):
    """What a token is good for; stored in links that are out in the world, so a number is never given a new meaning."""

    OPEN = 1
    CLICK = 2
    UNSUBSCRIBE = 3
    BOUNCE = 4
    MESSAGE = 5  #: the local part of a Message-ID
    RECEIPT = 6  #: what became of an SMS
    INBOUND = 7  #: an account's address for the SMS that people send to it; its number stands in place of the task


class Token(NamedTuple):
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

    def web_of_many(
        self, task: int, ordinals: Sequence[int], contents: Sequence[tuple[TokenKind, int]]
    ) -> list[list[bytes]]:
        """For each ordinal what ``web`` gives for each of these kinds and links, at a third of the cost."""
        tails = [_TAIL.pack(*content) for content in contents]
        heads = [_HEAD.pack(task, ordinal) for ordinal in ordinals]
        tokens = as_web(self._signer.seal_many([head + tail for head in heads for tail in tails])) if tails else []
        return [tokens[place * len(tails) : (place + 1) * len(tails)] for place in range(len(heads))]

    def verp_of_many(self, task: int, ordinals: Sequence[int]) -> list[bytes]:
        """For each ordinal (at most MOST_AT_ONCE) what ``verp`` gives."""
        plains = [_PLAIN.pack(task, ordinal, TokenKind.BOUNCE, 0) for ordinal in ordinals]
        return [_PREFIX + letters for letters in as_local_parts(self._signer.seal_many(plains))]

    def read_web(self, text: str) -> Token | None:
        if _WEB.fullmatch(text) is None:
            return None
        return self._open(binascii.a2b_base64(text.replace("-", "+").replace("_", "/") + "=="))

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
                task, ordinal, number, link = _PLAIN.unpack(plain)
                kind = _KINDS.get(number)
                return None if kind is None else Token(task, ordinal, kind, link)
        return None


_KINDS: Final = {int(kind): kind for kind in TokenKind}


class _Key:
    """One secret as two hash states that are only ever copied: keying them anew would cost half the time again."""

    __slots__ = ("_mac", "_mask")

    def __init__(self, secret: bytes) -> None:
        self._mac = blake2b(key=_derive(secret, b"token mac"), digest_size=_MAC_SIZE)
        self._mask = blake2b(key=_derive(secret, b"token mask"), digest_size=_PLAIN.size)

    def seal(self, plain: bytes) -> bytes:
        return self.seal_many([plain])[0]

    def seal_many(self, plains: Sequence[bytes]) -> list[bytes]:
        """The masks are put on all of them at once: as one long number each."""
        macs, masks = [], []
        for plain in plains:
            hasher = self._mac.copy()
            hasher.update(plain)
            mac = hasher.digest()
            hasher = self._mask.copy()
            hasher.update(mac)
            macs.append(mac)
            masks.append(hasher.digest())
        masked, size = _differing(b"".join(plains), b"".join(masks)), _PLAIN.size
        return [masked[place * size : (place + 1) * size] + mac for place, mac in enumerate(macs)]

    def open(self, sealed: bytes) -> bytes | None:
        mac = sealed[_PLAIN.size :]
        plain = self._masked(sealed[: _PLAIN.size], mac)
        hasher = self._mac.copy()
        hasher.update(plain)
        return plain if hmac.compare_digest(hasher.digest(), mac) else None

    def _masked(self, data: bytes, mac: bytes) -> bytes:
        hasher = self._mask.copy()
        hasher.update(mac)
        return _differing(data, hasher.digest())


def _differing(data: bytes, mask: bytes) -> bytes:
    """The bits in which the two differ."""
    return (int.from_bytes(data, "big") ^ int.from_bytes(mask, "big")).to_bytes(len(data), "big")


def _derive(secret: bytes, purpose: bytes) -> bytes:
    return blake2b(secret, digest_size=64, person=purpose).digest()


def _to_web(sealed: bytes) -> str:
    return as_web([sealed])[0].decode("ascii")


def _to_verp(sealed: bytes) -> str:
    return VERP_PREFIX + as_local_parts([sealed])[0].decode("ascii")
