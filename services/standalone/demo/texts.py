"""Who gets the demo's SMS, and what must be reported of it. Pure.

The numbers are of a range that belongs to nobody. What the inbox says became of each its ending decides, and all but
delivered come up once: see services/standalone/inbox/sms_gateway.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.standalone.demo.readers import FIRST_NAMES

_UNDELIVERED: Final = frozenset({"0001", "0002", "0003", "0004", "0005"})
_UNTOLD: Final = "0006"


@dataclass(frozen=True, slots=True)
class Texted:
    name: str
    telephone: str

    @property
    def text(self) -> str:
        return f"{self.name}, the shelves are full again. The Corner Shop"


def make_texted(number: int) -> Texted:
    """``number``: 1 to 999, each another telephone."""
    return Texted(FIRST_NAMES[number % len(FIRST_NAMES)], f"+447700900{number:03}")


def expect_texts(people: Sequence[Texted]) -> Mapping[str, int]:
    """Unique counts by event."""
    endings = [person.telephone[-4:] for person in people]
    bounced = sum(ending in _UNDELIVERED for ending in endings)
    return {
        "submitted": len(people),
        "delivered": len(people) - bounced - endings.count(_UNTOLD),
        "bounced": bounced,
        "opened": 0,
        "clicked": 0,
    }
