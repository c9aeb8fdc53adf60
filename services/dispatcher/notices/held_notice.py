"""A notice while this process holds it, and the lease on it."""

from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from services.dispatcher.notices.statements import STATEMENTS
from services.dispatcher.sending.held_batch import DOT_MARGIN_SECONDS, LEASE_SECONDS
from services.dispatcher.sending.journal_records import Hold
from shared.domain.identifiers import Channel
from shared.domain.notice import Purpose
from shared.postgres.database import Database, DatabaseError, Row

log = structlog.get_logger(__name__)

RENEWALS = 5  #: how often a lease is renewed in its own length


@dataclass(slots=True, eq=False)
class HeldNotice:
    """``address`` and ``content`` are never None here: a notice that has lost them has a state."""

    id: int
    account_id: int
    epoch: int
    attempt: int
    channel: Channel
    purpose: Purpose
    sender: str
    address: str
    content: bytes
    made_at: float  #: unix seconds
    dot_until: float  #: monotonic seconds: until then nobody else can have it
    lost: bool = field(default=False)  #: somebody else may have it by now

    @property
    def hold(self) -> Hold:
        """As the journal names it: task 0 is no task."""
        return Hold(0, self.id, self.epoch)

    def may_finish(self, now: float) -> bool:
        """Whether its final dot may be written now."""
        return not self.lost and now < self.dot_until


def read_held(row: Row, dot_until: float) -> HeldNotice:
    return HeldNotice(
        id=row["id"],
        account_id=row["account_id"],
        epoch=row["epoch"],
        attempt=row["attempt"],
        channel=row["channel"],
        purpose=row["purpose"],
        sender=row["sender"],
        address=row["address"],
        content=row["content"],
        made_at=row["made_at"],
        dot_until=dot_until,
    )


class NoticeLeases:
    """All notices in hand. ``renew`` is called as often as ``renew_seconds`` says, also while replies are awaited."""

    def __init__(
        self, database: Database, owner: int, monotonic: Callable[[], float], seconds: float = LEASE_SECONDS
    ) -> None:
        self._database = database
        self._owner = owner
        self._monotonic = monotonic
        self._held: set[HeldNotice] = set()
        self.seconds = seconds
        self.renew_seconds = seconds / RENEWALS

    def dot_until(self, asked_at: float) -> float:
        """Of a lease that was asked for at this moment, which is no later than it began."""
        return asked_at + self.seconds - min(DOT_MARGIN_SECONDS, self.renew_seconds)

    def hold(self, notice: HeldNotice) -> None:
        self._held.add(notice)

    def release(self, notice: HeldNotice) -> None:
        self._held.discard(notice)

    async def renew(self) -> bool:
        if not self._held:
            return False
        asked_at, held = self._monotonic(), {notice.hold: notice for notice in self._held}
        try:
            rows = await self._database.fetch(
                STATEMENTS["renew_notices"],
                self._owner,
                [notice.id for notice in held.values()],
                [notice.epoch for notice in held.values()],
                self.seconds,
            )
        except DatabaseError as error:
            log.warning("leases not kept", action="notice_leases_not_kept", reason=str(error)[:200])
            return False
        for row in rows:
            held.pop(Hold(0, row["id"], row["epoch"])).dot_until = self.dot_until(asked_at)
        for notice in held.values():
            notice.lost = True
        return False
