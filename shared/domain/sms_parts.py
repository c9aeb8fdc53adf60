"""How many parts an SMS takes, as gateways charge them. Pure.

A text of the GSM 7-bit alphabet (3GPP TS 23.038) has 160 septets to itself, or 153 in each of several parts; a
character of the extension table takes two. Any other text goes as UCS-2: 70 UTF-16 code units, or 67 in each of
several. No character is cut in two: one that does not fit the rest of a part begins the next, and leaves a unit unused.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

Encoding = Literal["GSM-7", "UCS-2"]

#: The basic alphabet in the order of its septets, which leave 0x1B out: that one leads to the extension table.
GSM_BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENDED: Final = "\f^{}\\[~]|€"

_ALL_BASIC: Final = re.compile(f"[{re.escape(GSM_BASIC)}]*").fullmatch
_EACH_EXTENDED: Final = re.compile(f"[{re.escape(GSM_EXTENDED)}]")
_FOREIGN: Final = re.compile(f"[^{re.escape(GSM_BASIC + GSM_EXTENDED)}]")


@dataclass(frozen=True, slots=True)
class SmsParts:
    """``units``: septets or UTF-16 code units of the text, without what parts leave unused. ``forced_by``: the
    characters that made it UCS-2, each once, in order.
    """

    encoding: Encoding
    parts: int
    units: int
    forced_by: tuple[str, ...] = ()


def count_parts(text: str) -> SmsParts:
    """An empty text is one part."""
    if _ALL_BASIC(text):
        return SmsParts("GSM-7", _even_parts(len(text), 160, 153), len(text))
    foreign = tuple(dict.fromkeys(_FOREIGN.findall(text)))
    if not foreign:
        units = len(text) + len(_EACH_EXTENDED.findall(text))
        parts = 1 if units <= 160 else _filled_parts([2 if sign in GSM_EXTENDED else 1 for sign in text], 153)
        return SmsParts("GSM-7", parts, units)
    sizes = [2 if sign > "\uffff" else 1 for sign in text]
    units = sum(sizes)
    return SmsParts("UCS-2", 1 if units <= 70 else _filled_parts(sizes, 67), units, foreign)


def _even_parts(units: int, alone: int, each: int) -> int:
    return 1 if units <= alone else -(-units // each)


def _filled_parts(sizes: list[int], room: int) -> int:
    """``sizes``: the units of each character, none of them larger than a part."""
    parts, used = 1, 0
    for size in sizes:
        used += size
        if used > room:
            parts, used = parts + 1, size
    return parts
