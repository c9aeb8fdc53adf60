"""What a relay is asked to report by mail (RFC 3461), so that it is known whether a message arrived."""

import re
from pathlib import Path

import pytest

from shared.postgres.database import Database
from tests.audience import post_task
from tests.integration.dispatcher.dispatching import dispatching, settled
from tests.sinks.fake_relay import FakeRelay


@pytest.mark.parametrize("extensions", [("PIPELINING", "DSN"), ("DSN",)])
@pytest.mark.parametrize(
    ("delivered", "rcpt", "mail"),
    [
        ("dsn", b" NOTIFY=SUCCESS,FAILURE,DELAY", rb" ENVID=b\+2B([a-z2-7]{50}) RET=HDRS"),
        ("accepted", b" NOTIFY=FAILURE,DELAY", rb"() RET=HDRS"),
    ],
)
async def test_a_relay_that_reports_is_told_what_on(
    database: Database, tmp_path: Path, extensions: tuple[str, ...], delivered: str, rcpt: bytes, mail: bytes
) -> None:
    """Where a report is the proof, on success as well; the envelope is named by what its sender is named by."""
    await post_task(database, 5)
    async with (
        FakeRelay(extensions=extensions) as relay,
        dispatching(database, relay.port, tmp_path, email_delivered=delivered),
    ):
        await settled(database, 5)

    mails = [command for command in relay.commands if command.startswith(b"MAIL")]
    found = [re.fullmatch(rb"MAIL FROM:<b\+([a-z2-7]{50})@bounce\.localhost>" + mail, command) for command in mails]
    assert len({match[1] for match in found if match}) == 5
    assert all(match[2] in (match[1], b"") for match in found if match)
    assert all(command.endswith(b">" + rcpt) for command in relay.commands if command.startswith(b"RCPT"))


async def test_a_relay_that_does_not_report_is_asked_for_nothing(database: Database, tmp_path: Path) -> None:
    """It would refuse what it does not know."""
    await post_task(database, 5)
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path, email_delivered="dsn"):
        await settled(database, 5)

    envelopes = [command for command in relay.commands if command.startswith((b"MAIL", b"RCPT"))]
    assert len(envelopes) == 10
    assert all(command.endswith(b">") for command in envelopes)
