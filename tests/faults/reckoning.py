"""Compares what a relay took with what is stored of tasks: who is missing, who was doubled, and is he listed."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pyroaring import BitMap

from shared.delivery_log.ordinal_sets import read_sets
from shared.domain.delivery import Kind
from shared.domain.recipient_states import count_by_state
from shared.domain.tokens import TokenKeys
from shared.postgres.database import Database
from tests.faults.auditing import audit, deliveries_of, tell
from tests.faults.counting_relay import CountingRelay
from tests.faults.measured import Measured
from tests.faults.world import SECRET
from tests.integration.dispatcher.dispatching import recorded

Recipient = tuple[int, int]  #: task, ordinal


def copies_of(taken: Mapping[bytes, int]) -> Counter[Recipient]:
    """By Message-ID, how often a relay took it -> by recipient, how many copies he has."""
    keys, copies = TokenKeys([SECRET]), Counter[Recipient]()
    for message_id, count in taken.items():
        token = keys.read_web(message_id.split(b"@")[0].decode())
        assert token is not None
        copies[token.task, token.ordinal] += count
    return copies


@dataclass(frozen=True, slots=True)
class Reckoning:
    lost: list[Recipient]
    doubled: list[Recipient]
    listed: set[Recipient]  #: shown as in doubt
    most_copies: int

    def tell(self, measured: Measured) -> None:
        measured.add(lost=len(self.lost), doubled=len(self.doubled), listed=len(self.listed))
        measured.add(most_copies=self.most_copies)

    def check(self, told: str = "") -> None:
        """Nobody is missing; whoever has two copies is listed, and nobody has three."""
        assert not self.lost, f"missing: {self.lost[:20]} {told}"
        assert set(self.doubled) <= self.listed, f"doubled silently: {set(self.doubled) - self.listed} {told}"
        assert self.most_copies <= 2, told


async def reckon(database: Database, relay: CountingRelay, tasks: Mapping[int, int]) -> Reckoning:
    """``tasks``: the audience of each. All must be sent: counts, log and states are checked to agree on that, and the
    auditor finds nothing.
    """
    findings = await audit(database, deliveries=deliveries_of(relay))
    assert not findings, tell(findings)
    copies, listed = copies_of(relay.taken), set[Recipient]()
    for task_id, recipients in tasks.items():
        in_log, counted = await recorded(database, task_id), await read_sets(database, task_id, Kind)
        assert {kind: members for kind, members in counted.items() if members} == in_log, (
            f"task {task_id} is miscounted"
        )
        states = count_by_state(BitMap(range(recipients)), counted)
        assert states["accepted"] + states["in_doubt"] == recipients, (task_id, states)
        doubt = in_log.get(Kind.RESENT, BitMap()) | in_log.get(Kind.HELD, BitMap())
        listed |= {(task_id, ordinal) for ordinal in doubt}
    everybody = {(task_id, ordinal) for task_id, recipients in tasks.items() for ordinal in range(recipients)}
    assert not set(copies) - everybody, "somebody was sent to who is in no audience"
    return Reckoning(
        lost=sorted(everybody - set(copies)),
        doubled=sorted(recipient for recipient, count in copies.items() if count > 1),
        listed=listed,
        most_copies=max(copies.values(), default=0),
    )


async def all_completed(database: Database, tasks: Iterable[int], seconds: float) -> None:
    """Once all of them are completed: everybody has a final state, and it is counted."""
    wanted = list(tasks)
    async with asyncio.timeout(seconds):
        while await database.fetch_value("SELECT count(*) FROM task WHERE id = ANY ($1) AND completed", wanted) < len(
            wanted
        ):
            await asyncio.sleep(0.05)
