"""The auditor: holds all that is stored, and what others have counted, against what is promised.

It only reads: a task at a time, each in one snapshot, in memory that does not grow with the number of tasks. A
read-only transaction holds back no tail, so it may look at a system at work; of what is under way it says least.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from services.standalone.audit.checks.copies import COPY_CHECKS
from services.standalone.audit.checks.recipients import RECIPIENT_CHECKS
from services.standalone.audit.counted_outside import Deliveries, Received
from services.standalone.audit.findings import Check, Finding, judge
from services.standalone.audit.gather_task import gather_task
from services.standalone.audit.statements import STATEMENTS
from services.standalone.audit.task_facts import TaskFacts
from shared.postgres.database import Database

PAGE: Final = 1_000  #: ids of tasks

TASK_CHECKS: Final[Sequence[Check[TaskFacts]]] = (*RECIPIENT_CHECKS, *COPY_CHECKS)


@dataclass(slots=True)
class Audited:
    """``looked_at``: how many subjects each check was made for, by its name."""

    findings: list[Finding] = field(default_factory=list)
    looked_at: dict[str, int] = field(default_factory=dict)
    tasks: int = 0
    recipients: int = 0


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
    received: Received | None = None,  # noqa: ARG001 - the checks of callbacks follow
    leaving_out: Collection[str] = (),
) -> Audited:
    """As ``audit``, with what was looked at. Raises DatabaseError."""
    audited = Audited()
    checks = [check for check in TASK_CHECKS if check.name not in leaving_out]
    async for task_id in _task_ids(database):
        facts = await gather_task(database, task_id, deliveries)
        if facts is not None:
            audited.tasks += 1
            audited.recipients += facts.audience.count
            for check in checks:
                audited.looked_at[check.name] = audited.looked_at.get(check.name, 0) + 1
                audited.findings += judge(check, facts)
    return audited


async def _task_ids(database: Database) -> AsyncIterator[int]:
    after = 0
    while rows := await database.fetch(STATEMENTS["tasks_after"], after, PAGE):
        for row in rows:
            yield row["id"]
        after = rows[-1]["id"]
