"""Suppresses the addresses that a round of the delivery log speaks against, in the transaction of its checkpoint.

So each hit is judged once, by the live projector alone: a rebuild counts again, but suppresses nobody again whom
somebody has let go since.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from services.tracker.decisions.judge_bounce import Returned, SoftBounceRule, returned_in
from services.tracker.projector.statements import STATEMENTS
from shared.delivery_log.tail import RecordedSegment
from shared.domain.bounce import judge_bounce
from shared.domain.delivery import Kind
from shared.domain.identifiers import Channel, Instant
from shared.domain.suppression import Reason
from shared.postgres.database import Connection, Row
from shared.suppression.address_hash import AddressHashes
from shared.suppression.record import NewSuppression, suppress_in

JUDGED_AT_ONCE: Final = 100  #: notes judged before others of this process have their turn
DAY_SECONDS: Final = 86_400

Case = tuple[Returned, Row]  #: and the row of ``recipients_returned``


@dataclass(frozen=True, slots=True)
class ReturnedSuppressor:
    hashes: AddressHashes
    rule: SoftBounceRule
    now: Callable[[], Instant]
    random_id: Callable[[], int]

    async def suppress(self, connection: Connection, segments: Sequence[RecordedSegment]) -> None:
        returned = returned_in((segment.task_id, segment.kind, segment.hits) for segment in segments)
        if not returned:
            return
        hard, soft = await _judge(await _cases(connection, returned))
        # Those that are counted first: whoever waits for a count holds no suppression that others wait for.
        counted = await self._count(connection, soft) if soft else []
        wanted = [*hard, *counted]
        await suppress_in(connection, self.hashes, wanted, self.now(), str(self.random_id()))

    async def _count(self, connection: Connection, soft: Sequence[Case]) -> list[NewSuppression]:
        """Of the bounces for now, those with which the rule is met."""
        await connection.execute(STATEMENTS["hold_soft_bounces"], [row["account_id"] for _, row in soft])
        keys = [self._key(row) for _, row in soft]
        columns = [list(column) for column in zip(*keys, strict=True)]
        times = [returned.time_ms / 1000 for returned, _ in soft]
        tasks = [returned.task_id for returned, _ in soft]
        await connection.execute(STATEMENTS["add_soft_bounces"], *columns, tasks, times)
        since = max(times) - self.rule.days * DAY_SECONDS
        rows = await connection.fetch(STATEMENTS["take_soft_bounces"], *columns, since, self.rule.bounces)
        met = {(row["account_id"], row["channel"], row["hash"]) for row in rows}
        return [
            _suppression(returned, row, "soft_bounces", self.rule.told())
            for key, (returned, row) in zip(keys, soft, strict=True)
            if key in met
        ]

    def _key(self, row: Row) -> tuple[int, Channel, bytes]:
        account_id, channel = row["account_id"], row["channel"]
        return account_id, channel, self.hashes.of(account_id, channel, row["address"])


async def _cases(connection: Connection, returned: Sequence[Returned]) -> list[Case]:
    """With whom each was sent to; who is erased is left out."""
    rows = await connection.fetch(
        STATEMENTS["recipients_returned"], [each.task_id for each in returned], [each.ordinal for each in returned]
    )
    return [(returned[row["place"] - 1], row) for row in rows]


async def _judge(cases: Sequence[Case]) -> tuple[list[NewSuppression], list[Case]]:
    """Whom to suppress, and the bounces for now."""
    wanted: list[NewSuppression] = []
    soft: list[Case] = []
    for count, (returned, row) in enumerate(cases, start=1):
        if returned.kind is Kind.COMPLAINED:
            wanted.append(_suppression(returned, row, "complaint", returned.note))
            continue
        verdict = judge_bounce(row["channel"], returned.note)
        if verdict == "hard":
            wanted.append(_suppression(returned, row, "hard_bounce", returned.note))
        elif verdict == "soft":
            soft.append((returned, row))
        if count % JUDGED_AT_ONCE == 0:
            await asyncio.sleep(0)
    return wanted, soft


def _suppression(returned: Returned, row: Row, reason: Reason, detail: str) -> NewSuppression:
    return NewSuppression(
        account_id=row["account_id"],
        channel=row["channel"],
        address=row["address"],
        reason=reason,
        source=f"task {returned.task_id}",
        subscriber_id=row["subscriber_id"],
        detail=detail or None,
        task_id=returned.task_id,
        ordinal=returned.ordinal,
    )
