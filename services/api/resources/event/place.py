"""Where an event stands among all: events of the store and segments of the delivery log in one order. Pure.

Both logs number their rows by the transaction that wrote them, so what is below the oldest open one has an order that
no commit changes any more: by store epoch, transaction, log, position in it, and part of a segment.
"""

from typing import Final, NamedTuple

from services.api.paging import read_cursor, write_cursor
from shared.event_store.interface import TailPosition

STORE: Final = 0  #: the event store; within one transaction its events come first
DELIVERIES: Final = 1

_LAST: Final = 2**63 - 1


class Place(NamedTuple):
    """Of a row of a log, ``part`` is 0; of a message that tells a part of a segment it counts from 1."""

    store_epoch: int = 0
    xid: int = 0
    log: int = STORE
    position: int = 0
    part: int = 0

    def whole(self) -> "Place":
        """Behind all parts of the row."""
        return self._replace(part=_LAST)

    def behind_in(self, log: int) -> TailPosition:
        """From where that log is to be read. The segment it may stand in is read again, for the rest of its parts."""
        if log == self.log:
            return TailPosition(self.store_epoch, self.xid, self.position - (log == DELIVERIES and self.position > 0))
        return TailPosition(self.store_epoch, self.xid, _LAST if log < self.log else 0)


def write_place(place: Place) -> str:
    return write_cursor(list(place))


def read_place(cursor: str) -> Place | None:
    """None: no cursor of this listing."""
    found = read_cursor(cursor)
    if found is None or len(found) != len(Place._fields):
        return None
    numbers = [part for part in found if type(part) is int and 0 <= part <= _LAST]
    if len(numbers) != len(found) or numbers[0] >= 2**31 or numbers[2] not in (STORE, DELIVERIES):
        return None
    return Place(*numbers)
