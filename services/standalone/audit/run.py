"""The auditor: holds all that is stored, and what others have counted, against what is promised.

It only reads: a task at a time, each in one snapshot, in memory that does not grow with the number of tasks. A
read-only transaction holds back no tail, so it may look at a system at work; of what is under way it says least.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from services.standalone.audit.checks.calls import CALL_CHECKS, RECEIVED_CHECKS
from services.standalone.audit.checks.charging import CHARGE_CHECKS
from services.standalone.audit.checks.copies import COPY_CHECKS
from services.standalone.audit.checks.counts import COUNT_CHECKS
from services.standalone.audit.checks.life import LIFE_CHECKS
from services.standalone.audit.checks.recipients import RECIPIENT_CHECKS
from services.standalone.audit.counted_outside import Deliveries, Received
from services.standalone.audit.findings import Check, Finding, judge
from services.standalone.audit.gather_calls import gather_calls
from services.standalone.audit.gather_task import gather_task
from services.standalone.audit.statements import STATEMENTS
from services.standalone.audit.store.checks import NOTICE_CHECKS, STORE_CHECKS
from services.standalone.audit.store.gather import gather_notices, gather_store
from services.standalone.audit.task_facts import TaskFacts
from shared.postgres.database import Database

Facts = TypeVar("Facts")

PAGE: Final = 1_000  #: ids of tasks

TASK_CHECKS: Final[Sequence[Check[TaskFacts]]] = (
    *RECIPIENT_CHECKS,
    *COPY_CHECKS,
    *LIFE_CHECKS,
    *COUNT_CHECKS,
    *CHARGE_CHECKS,
    *CALL_CHECKS,
)

#: All there are, in the order in which they are told.
CHECKS: Final[Sequence[Check[Any]]] = (*TASK_CHECKS, *STORE_CHECKS, *NOTICE_CHECKS, *RECEIVED_CHECKS)


@dataclass(slots=True)
class Audited:
    """``looked_at``: how often each check was made, by its name; one that is missing could not be made."""

    findings: list[Finding] = field(default_factory=list)
    looked_at: Counter[str] = field(default_factory=Counter)
    recipients: int = 0

    def hold(self, checks: Sequence[Check[Facts]], facts: Facts, leaving_out: Collection[str]) -> None:
        for check in checks:
            if check.name not in leaving_out:
                self.looked_at[check.name] += 1
                self.findings += judge(check, facts)


async def audit(
    database: Database,
    *,
    deliveries: Deliveries | None = None,
    received: Received | None = None,
    leaving_out: Collection[str] = (),
) -> list[Finding]:
    """What is not as promised; empty: all is. Only reads.

    Args:
        deliveries: what relays and gateways have taken, all of it; None: nobody counted.
        received: what receivers of callbacks got, all of it; None: nobody counted.
        leaving_out: names of checks that are not made, as of a world that was not made by events.

    Raises DatabaseError.
    """
    return (await run_audit(database, deliveries=deliveries, received=received, leaving_out=leaving_out)).findings


async def run_audit(
    database: Database,
    *,
    deliveries: Deliveries | None = None,
    received: Received | None = None,
    leaving_out: Collection[str] = (),
    progress: Callable[[int], None] = lambda _: None,
) -> Audited:
    """As ``audit``, with what was looked at. ``progress``: hears how many tasks are done. Raises DatabaseError."""
    audited = Audited()
    metered = {row["account_id"]: row["since"] for row in await database.fetch(STATEMENTS["metered_accounts"])}
    done = 0
    async for task_id in _task_ids(database):
        facts = await gather_task(database, task_id, deliveries, metered)
        if facts is not None:
            audited.recipients += facts.audience.count
            audited.hold(TASK_CHECKS, facts, leaving_out)
        done += 1
        progress(done)
    audited.hold(STORE_CHECKS, await gather_store(database), leaving_out)
    if deliveries is not None:
        audited.hold(NOTICE_CHECKS, await gather_notices(database, deliveries), leaving_out)
    if received is not None:
        audited.hold(RECEIVED_CHECKS, await gather_calls(database, received), leaving_out)
    return audited


async def _task_ids(database: Database) -> AsyncIterator[int]:
    after = 0
    while rows := await database.fetch(STATEMENTS["tasks_after"], after, PAGE):
        for row in rows:
            yield row["id"]
        after = rows[-1]["id"]
