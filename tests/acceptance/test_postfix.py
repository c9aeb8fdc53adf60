"""A task through a relay that is a real Postfix, and what comes back from it by mail."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.standalone.private_process import free_port
from tests.acceptance.postroom_process import Up, up, wait_until
from tests.acceptance.test_up import call, send_letter
from tests.servers.postfix import PrivatePostfix

RECIPIENTS = 1_000
UNKNOWN = frozenset(f"reader{number}" for number in range(7, RECIPIENTS, 20))  # fifty of them
READERS = [f"reader{number}" for number in range(RECIPIENTS)]


@pytest.fixture
def postfix() -> Iterator[PrivatePostfix]:
    folder = Path(tempfile.mkdtemp(prefix="postroom-test-"))
    relay = PrivatePostfix(folder, "example.com", "bounce.localhost", bounce_port=free_port())
    try:
        relay.start(name for name in READERS if name not in UNKNOWN)
        yield relay
    finally:
        relay.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postroom(postfix: PrivatePostfix) -> Iterator[Up]:
    """Only a success notification counts as delivered: so the relay is asked for them, and they are counted."""
    relay = f"--smtp-url=smtp://127.0.0.1:{postfix.port}?starttls=none"
    with up(relay, f"--bounce-port={postfix.bounce_port}", POSTROOM_EMAIL_DELIVERED="dsn") as running:
        yield running


def test_its_real_bounces_come_back_and_the_report_is_exact(postfix: PrivatePostfix, postroom: Up) -> None:
    """1,000 recipients of whom 50 do not exist: all are accepted, 50 bounce, 950 are confirmed, each of them once."""
    task_id = send_letter(postroom, "Autumn", [f"{name}@example.com" for name in READERS])
    wait_until(lambda: _heard_of(call(postroom, "GET", f"/task/{task_id}/report")) == RECIPIENTS, seconds=100)

    report = call(postroom, "GET", f"/task/{task_id}/report")
    bounced = call(postroom, "GET", f"/task/{task_id}/contact?state=bounced")
    suppressed = call(postroom, "GET", "/suppression?reason=hard_bounce&count=1000")
    counts = {name: number for name, number in report["states"].items() if number}
    unique = {name: number for name, number in report["unique"].items() if number}
    assert counts == {"accepted": RECIPIENTS - len(UNKNOWN), "bounced": len(UNKNOWN)}
    assert unique == {"submitted": RECIPIENTS, "delivered": RECIPIENTS - len(UNKNOWN), "bounced": len(UNKNOWN)}
    assert {_local_part(record) for record in bounced} == UNKNOWN
    assert {_local_part(record) for record in suppressed} == UNKNOWN
    assert all("5.1.1" in record["reason"] for record in bounced)
    assert postfix.mails() == {name: 1 for name in READERS if name not in UNKNOWN}


def _heard_of(report: Any) -> int:
    return int(report["unique"]["delivered"] + report["unique"]["bounced"])


def _local_part(record: Any) -> str:
    return str(record["email"].split("@")[0])
