"""A dispatcher is killed in the middle of single messages: each is sent or in doubt, and none is sent twice."""

import asyncio
import base64
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from shared.notices.record import NewNotice, notice_row
from shared.postgres.database import Database
from tests.faults.auditing import nothing_found
from tests.faults.measured import Measured
from tests.faults.processes import ServiceProcess
from tests.integration.dispatcher.noticing import settled
from tests.sinks.fake_relay import Action, FakeRelay, Hang, Step

SECRET = bytes(range(32))


def notice(name: str) -> NewNotice:
    return NewNotice(
        account_id=1,
        channel="email",
        purpose="proof",
        origin=name,
        sender="b+proof@bounce.example",
        address=f"{name}@example.org",
        content=b"Subject: [Test] %b\r\n\r\nHello\r\n" % name.encode(),
        expires_seconds=3_600.0,
    )


@dataclass
class Trap:
    """Says no more to one before its dot and to one after it."""

    held: set[str] = field(default_factory=set)

    def __call__(self, step: Step) -> Action | None:
        for name, stage in (("before", "rcpt"), ("after", "dot")):
            if step.stage == stage and name.encode() in step.argument:
                self.held.add(name)
                return Hang()
        return None


@pytest.mark.fault(
    "F2", "kill -9 of a dispatcher in the middle of single messages", expects="sent, or in doubt and sent once"
)
async def test_before_the_dot_it_is_sent_again_and_after_the_dot_it_is_in_doubt(
    database_url: str, tmp_path: Path, measured: Measured
) -> None:
    """kill -9 while one waits for the answer to its RCPT and one for that to its dot; then a restart."""
    database, trap = await Database.connect(database_url), Trap()
    for name in ("before", "after"):
        row = notice_row(notice(name))
        await database.execute(row.statement, *row.args)
    async with FakeRelay(trap) as relay:
        dispatcher = ServiceProcess("dispatcher", environment_for(database_url, relay.port, tmp_path), tmp_path / "log")
        try:
            dispatcher.start()
            async with asyncio.timeout(60):
                while len(trap.held) < 2:
                    await asyncio.sleep(0.01)
            dispatcher.kill()
            relay.script = lambda step: None
            dispatcher.start()
            found = await settled(database, 60)
        finally:
            dispatcher.kill()
    await nothing_found(database, relay)
    await database.close()

    measured.add(kills=1, lost=2 - len(found), listed=list(found.values()).count("in_doubt"))

    assert found == {"before": "accepted", "after": "in_doubt"}
    assert relay.recipients() == ["before@example.org"]


def environment_for(database_url: str, port: int, folder: Path) -> dict[str, str]:
    return {
        "POSTROOM_DATABASE_URL": database_url,
        "POSTROOM_BUS_URL": "inprocess:",
        "POSTROOM_SMTP_URL": f"smtp://127.0.0.1:{port}?starttls=none",
        "POSTROOM_SECRET": base64.b64encode(SECRET).decode(),
        "POSTROOM_JOURNAL_DIR": str(folder / "journal"),
        "POSTROOM_METRICS_PORT": "0",
        "POSTROOM_SWEEP_SECONDS": "0.2",
    }
