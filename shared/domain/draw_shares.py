"""Draws the sample of a split test: who of a frozen audience is in which share. Pure.

Whoever knows seed and sizes draws the same again, so nothing is kept of who is where.
"""

import hashlib
import struct
from collections.abc import Sequence
from typing import Final

from pyroaring import BitMap

_AT_ONCE: Final = 65_536  #: ordinals for which chance is drawn in one go; part of what a seed means


def draw_shares(seed: int, recipients: int, shares: Sequence[int]) -> list[BitMap]:
    """The members of each share, and last of the rest: every ordinal in one of them, every way to do so as likely as
    any other. ``shares``: their sizes, together at most ``recipients``.
    """
    left = [recipients - sum(shares), *shares]
    members: list[list[int]] = [[] for _ in left]
    for first in range(0, recipients, _AT_ONCE):
        last = min(first + _AT_ONCE, recipients)
        for ordinal, chance in zip(range(first, last), _chances(seed, first, last - first), strict=True):
            # One of the places that are left, each as likely as any other: the share it lies in gets the ordinal.
            place, share = chance * (recipients - ordinal) >> 64, 0
            while place >= left[share]:
                place -= left[share]
                share += 1
            left[share] -= 1
            members[share].append(ordinal)
    rest, *drawn = (BitMap(each) for each in members)
    return [*drawn, rest]


def _chances(seed: int, first: int, count: int) -> tuple[int, ...]:
    """Numbers below 2**64."""
    noise = hashlib.shake_256(f"{seed}:{first}".encode()).digest(8 * count)
    return struct.unpack(f"<{count}Q", noise)
