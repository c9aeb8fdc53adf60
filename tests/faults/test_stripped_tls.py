"""A network that strips the offer of TLS: a task waits rather than leave in clear, and goes on once it is back."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from pyroaring import BitMap

from shared.domain.delivery import Kind
from shared.postgres.database import Database
from tests.audience import post_task
from tests.faults.auditing import audit, deliveries_of
from tests.faults.measured import Measured
from tests.integration.dispatcher.dispatching import copies, dispatching, recorded, settled
from tests.sinks.certificates import make_certificate
from tests.sinks.fake_relay import FakeRelay

PEOPLE = 60


@pytest.mark.fault("F26", "STARTTLS is stripped, then offered again", expects="nothing sent in clear, nobody lost")
async def test_no_task_is_sent_in_clear_and_none_is_lost(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, measured: Measured
) -> None:
    """A whole dispatcher: blocked while the offer is stripped, and under TLS to the last message once it is back."""
    certificate = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    database = await Database.connect(database_url)
    await post_task(database, PEOPLE)
    async with FakeRelay(extensions=("PIPELINING", "AUTH PLAIN"), tls=certificate.server()) as relay:
        url = f"smtp://me:secret@127.0.0.1:{relay.port}?starttls=require"
        async with dispatching(database, relay.port, tmp_path, smtp_url=url, smtp_connections="2"):
            async with asyncio.timeout(20):
                while not await database.fetch_value("SELECT count(blocked_reason) FROM sending"):
                    await asyncio.sleep(0.02)
            assert await recorded(database) == {}
            relay.extensions = ("PIPELINING", "STARTTLS", "AUTH PLAIN")
            sets = await settled(database, PEOPLE)
    findings = await audit(database, deliveries=deliveries_of(relay))
    await database.close()

    in_clear = set(relay.clear_commands) - {b"EHLO localhost", b"STARTTLS"}
    measured.add(sent_in_clear=len(in_clear), lost=PEOPLE - len(copies(relay)))
    assert sets[Kind.SUBMITTED] == BitMap(range(PEOPLE))
    assert copies(relay) == Counter(range(PEOPLE))
    assert not in_clear
    assert not findings
