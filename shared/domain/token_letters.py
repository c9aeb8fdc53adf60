"""Sealed tokens of 31 octets in letters, many at once: base64url for the web, lower-case base32 for local parts. Pure.

Neither goes letter by letter. Padded to whole groups, any number of tokens is one base64 text; and for base32 they are
lanes of one number, so that each step of spreading their bits is one operation for all of them.
"""

import binascii
from collections.abc import Sequence
from typing import Final

MOST_AT_ONCE: Final = 64  #: tokens in one number

_SEALED: Final = 31
_WEB: Final = 42  #: letters of a token; its whole groups have two more
_TO_WEB: Final = bytes.maketrans(b"+/", b"-_")
_LOCAL_PART: Final = 50
_BASE32: Final = b"abcdefghijklmnopqrstuvwxyz234567".ljust(256)

_HALF: Final = 20  #: octets of half a token, of 40 when it is padded to 64 letters
_GAP: Final = bytes(32 - _HALF)  #: before each half: what is 5 bits wide gets 8
_PADDING: Final = bytes(2 * _HALF - _SEALED)


def as_web(sealed: Sequence[bytes]) -> list[bytes]:
    joined = b"".join([token + b"\0\0" for token in sealed])
    letters = binascii.b2a_base64(joined, newline=False).translate(_TO_WEB)
    return [letters[start : start + _WEB] for start in range(0, len(letters), 44)]


def as_local_parts(sealed: Sequence[bytes]) -> list[bytes]:
    """At most MOST_AT_ONCE."""
    lanes = b"".join([b"".join((_GAP, token[:_HALF], _GAP, token[_HALF:], _PADDING)) for token in sealed])
    number = int.from_bytes(lanes, "big")
    for upper, lower, shift in _SPREADING:
        number = (number & upper) << shift | number & lower
    letters = number.to_bytes(64 * len(sealed), "big").translate(_BASE32)
    return [letters[start : start + _LOCAL_PART] for start in range(0, len(letters), 64)]


def _spreading() -> list[tuple[int, int, int]]:
    """Each step halves the bits that lie together, and doubles the lanes: (which move up, which stay, how far)."""
    steps, bits, lane = [], 8 * _HALF, 256
    while bits > 5:
        half, count = bits // 2, 8 * 64 * MOST_AT_ONCE // lane
        ones = sum(1 << lane * place for place in range(count))
        lower = ones * ((1 << half) - 1)
        steps.append((lower << half, lower, lane // 2 - half))
        bits, lane = half, lane // 2
    return steps


_SPREADING: Final = _spreading()
