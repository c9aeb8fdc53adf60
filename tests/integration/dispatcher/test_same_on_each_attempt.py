"""Message-ID, envelope sender and Date are those of the first attempt: a second copy can be known for one."""

import re
from pathlib import Path

from pyroaring import BitMap

from shared.domain.delivery import Kind
from shared.postgres.database import Database
from tests.audience import post_task
from tests.faults.auditing import nothing_found
from tests.integration.dispatcher.dispatching import dispatching, settled
from tests.integration.dispatcher.test_sending import FAST, is_for
from tests.sinks.fake_relay import Action, End, FakeRelay, Say, Step, Taken


async def test_a_second_copy_is_the_first_one_again(database: Database, tmp_path: Path) -> None:
    """The relay takes one message and hangs up before it says so, and has no time for another one at first."""
    hung_up: list[Step] = []
    refused: list[Step] = []

    def script(step: Step) -> Action | None:
        if step.stage == "dot" and is_for(step, 5) and not hung_up:
            hung_up.append(step)
            return End(took=True)
        if step.stage == "rcpt" and is_for(step, 7) and not refused:
            refused.append(step)
            return Say(b"451 4.7.1 later\r\n")
        return None

    await post_task(database, 20)
    async with FakeRelay(script) as relay, dispatching(database, relay.port, tmp_path, **FAST):
        sets = await settled(database, 20)

    first, second = [taken for taken in relay.ledger if b"person-1-5@" in taken.recipients[0]]
    assert known_by(first) == known_by(second)
    assert len({known_by(taken) for taken in relay.ledger}) == 20
    assert len({command for command in relay.commands if command.startswith(b"MAIL")}) == 20
    assert sets[Kind.RESENT] == BitMap([5])
    await nothing_found(database, relay)


def known_by(taken: Taken) -> tuple[bytes, bytes, bytes]:
    """What the next relay can tell a repeat by."""
    found = [re.search(rb"^%b: (.*?)\r$" % name, taken.content, re.MULTILINE) for name in (b"Message-ID", b"Date")]
    message_id, date = [each[1] for each in found if each]
    return taken.sender, message_id, date
