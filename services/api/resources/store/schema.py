"""The database as a whole, as answers spell it."""

from typing_extensions import TypedDict


class StoreAnswer(TypedDict):
    """``open``: whether anything is sent. ``held_why``: why not, until an operator confirms; null: it is not held.
    ``lost_from``: what was committed after it, before the database changed its history for the last time, may be
    missing.
    """

    epoch: int
    open: bool
    held_since: float | None
    held_why: str | None
    lost_from: float | None
