"""A batch while this process holds it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from pyroaring import BitMap

from services.dispatcher.sending.journal_records import Hold
from shared.domain.pacing import GRANT_SECONDS
from shared.domain.task import InDoubtPolicy
from shared.postgres.database import Row

#: Why no further message of a batch may be started: the task was cancelled or has expired, or it rests (paused, or its
#: window is shut), the lease went to somebody else, this process is stopping, what it sends cannot be recorded, the
#: moment granted by the task's rate is over, or a batch of a task with a rate is to have its worker.
Halt = Literal["cancelled", "expired", "paused", "lost", "stopping", "recorder down", "pace", "makes way"]

#: Those after which nothing of the task is ever sent, with the reason that its recipients are told.
ENDED: Final[Mapping[Halt, str]] = {"cancelled": "task cancelled", "expired": "expired"}

#: Those after which not even a message that was begun is brought to its end.
_UNWANTED: Final = frozenset({*ENDED, "paused", "lost"})

LEASE_SECONDS = 15.0
DOT_MARGIN_SECONDS = 2.0  #: so much of the lease must be left when a final dot is written


@dataclass(slots=True, eq=False)
class HeldBatch:
    hold: Hold
    attempt: int
    ordinals: BitMap
    resent: BitMap
    taken_over: bool  #: another process held it and did not give it back
    allowed: int  #: how many of it may be sent now
    lease_until: float  #: monotonic seconds
    pace_until: float | None  #: monotonic seconds; None: no rate
    in_doubt: InDoubtPolicy  #: as it was when this was claimed
    halt: Halt | None = field(default=None)
    claimed_at: float = 0.0  #: monotonic seconds, before the claim was sent
    blocked: bool = False  #: nothing of its task got through when it was claimed
    next_grant: datetime | None = None  #: when its task may be granted more, as this grant left it; None: no rate

    @property
    def ended(self) -> str | None:
        """Why nothing of its task is ever sent again; None: that is not so."""
        return ENDED.get(self.halt) if self.halt else None

    def grant_anew(self, asked_at: float, next_grant: datetime) -> None:
        """``asked_at``: monotonic time before that was asked for."""
        self.halt, self.pace_until, self.next_grant = None, asked_at + GRANT_SECONDS, next_grant

    def may_start(self, now: float) -> bool:
        """Whether one more message of it may be begun."""
        if self.halt is None and self.pace_until is not None and now > self.pace_until:
            self.halt = "pace"
        return self.halt is None

    def may_finish(self, now: float) -> bool:
        """Whether a final dot may be written now: nobody else can have taken the batch over, and it is still wanted."""
        return self.halt not in _UNWANTED and now < self.lease_until - DOT_MARGIN_SECONDS


def read_held(row: Row, asked_at: float, *, paced: bool) -> HeldBatch:
    """``asked_at``: monotonic time before the claim was sent; the lease cannot end before that plus its length."""
    return HeldBatch(
        hold=Hold(row["task_id"], row["number"], row["epoch"]),
        attempt=row["attempt"],
        ordinals=BitMap.deserialize(row["ordinals"]),
        resent=BitMap.deserialize(row["resent"]) if row["resent"] else BitMap(),
        taken_over=row["taken_over"],
        allowed=row["allowed"],
        lease_until=asked_at + LEASE_SECONDS,
        pace_until=asked_at + GRANT_SECONDS if paced else None,
        in_doubt=row["in_doubt"],
        halt="cancelled" if row["cancelled"] else "expired" if row["expired"] else None,
        claimed_at=asked_at,
        blocked=row["blocked"],
        next_grant=row["next_at"] if paced else None,
    )
