"""`postroom up`: the whole of Postroom in one process, as somebody meets it who has just installed it."""

import json
import os
import signal
import smtplib
import socket
import stat
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

import pytest

from tests.acceptance.postroom_process import ANY_PORTS, Up, alive, run, up, wait_until
from tests.verify_dkim import verdicts

PARTS = {"ready", "api", "tracker", "inbox", "smtp", "bounce", "database"}
MAILS = Path(__file__).parents[1] / "unit/tracker/mail"
SECRETS = {"api_key", "sailthru_secret", "webhook_secret", "signupto"}


@pytest.fixture(scope="module")
def running() -> Iterator[Up]:
    with up() as found:
        yield found


@pytest.fixture
def data() -> Iterator[Path]:
    """A folder that does not exist yet, in one that the server's user may pass: those of pytest are closed to him."""
    with tempfile.TemporaryDirectory(prefix="postroom-test-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder, "postroom")


def call(found: Up, method: str, path: str, body: object = None) -> Any:
    """Over HTTP with the operator's key. Raises HTTPError, URLError."""
    request = urllib.request.Request(
        found.ready["api"] + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {found.ready['api_key']}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def inbox(found: Up, query: str = "") -> Any:
    with urllib.request.urlopen(f"{found.ready['inbox']}/messages{query}", timeout=10) as answer:
        return json.load(answer)


def send_letter(found: Up, name: str, emails: list[str]) -> int:
    """The id of its task."""
    made = call(found, "POST", "/list", {"name": name})
    call(found, "POST", f"/list/{made['id']}/subscriber", [{"email": email} for email in emails])
    letter = {"channel": "email", "name": name, "subject": name, "from_email": "shop@example.com", "text": "Hello."}
    message = call(found, "POST", "/message", letter)
    task = {"channel": "email", "name": name, "list_id": made["id"], "message_id": message["id"], "scheduledtime": 0}
    return int(call(found, "POST", "/task", task)["id"])


def completed(found: Up, task_id: int) -> bool:
    return bool(call(found, "GET", f"/task/{task_id}")["completed"])


def works(found: Up) -> bool:
    try:
        call(found, "GET", "/task")
    except (HTTPError, URLError, OSError):
        return False
    return True


def test_the_line_of_readiness_names_everything(running: Up) -> None:
    assert set(running.ready) == PARTS | SECRETS
    assert running.ready["ready"] is True
    assert set(running.ready["signupto"]) == {"cid", "uid", "key", "username", "password"}


def test_every_url_of_the_line_answers(running: Up) -> None:
    for part, path in (("api", "/readyz"), ("tracker", "/healthz"), ("inbox", "/")):
        with urllib.request.urlopen(running.ready[part] + path, timeout=10) as answer:
            assert answer.status == 200
    for part in ("smtp", "bounce"):
        address = urlsplit(running.ready[part])
        with smtplib.SMTP(address.hostname or "", address.port or 0, timeout=10) as server:
            assert server.noop()[0] == 250


def test_a_task_reaches_the_inbox(running: Up) -> None:
    """Each subscriber has one mail, and the task ends with that."""
    emails = ["ada@example.com", "bob@example.com", "cleo@example.com"]
    task_id = send_letter(running, "spring", emails)

    wait_until(lambda: completed(running, task_id))

    assert sorted(message["envelope"]["to"][0] for message in inbox(running)) == emails


def test_a_bounce_that_comes_back_is_in_the_contact_record(running: Up) -> None:
    """Brought to the address that the message came from, with its reason."""
    task_id = send_letter(running, "bounced", ["nobody@example.com", "somebody@example.com"])
    wait_until(lambda: completed(running, task_id))
    (message,) = inbox(running, "?to=nobody@example.com")
    address = urlsplit(running.ready["bounce"])
    with smtplib.LMTP(address.hostname or "", address.port or 0, timeout=10) as server:
        bounce = MAILS / "postfix_unknown_user.eml"
        assert server.sendmail("", [message["envelope"]["from"]], bounce.read_bytes()) == {}

    wait_until(lambda: bool(call(running, "GET", f"/task/{task_id}/contact?state=bounced")))

    (record,) = call(running, "GET", f"/task/{task_id}/contact?state=bounced")
    assert record["email"] == "nobody@example.com"
    assert record["reason"] == "550 5.1.1 <recipient>: Recipient address rejected: User unknown"


def test_mail_of_a_domain_is_signed_and_needs_nothing_published(running: Up) -> None:
    """A domain counts at once here; what it would publish verifies the mail."""
    domain = call(running, "POST", "/domain", {"name": "example.com", "dkim_algorithm": "ed25519-sha256"})
    task_id = send_letter(running, "signed", ["sid@x.example"])
    wait_until(lambda: completed(running, task_id))
    [mail] = inbox(running, "?to=sid@x.example")
    with urllib.request.urlopen(f"{running.ready['inbox']}/messages/{mail['id']}/source", timeout=10) as answer:
        source = answer.read()

    assert domain["verified"] is True
    assert verdicts(source, {record["name"]: record["value"] for record in domain["dns"]}) == [True, True]


def test_nothing_listens_beyond_this_machine(running: Up) -> None:
    """The keys are on stdout and the mail is for anybody to see: loopback only."""
    own = {running.process.pid, *running.descendants()}
    inodes = {file for pid in own for file in _open_files(pid)}
    table = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    listening = [row[1].split(":")[0] for row in table if row[3] == "0A" and f"socket:[{row[9]}]" in inodes]

    assert listening
    assert set(listening) == {"0100007F"}


def test_a_signal_ends_it_in_order() -> None:
    """Exit code 0, nothing more on stdout, nobody left behind."""
    with up() as found:
        children = found.descendants()
        code, printed = found.stop()

    assert code == 0
    assert printed == b""
    assert children
    assert not [pid for pid in children if alive(pid)]


def test_keys_and_data_survive_a_restart(data: Path) -> None:
    with up("--data-dir", str(data)) as first:
        task_id = send_letter(first, "summer", ["ada@example.com"])
        wait_until(lambda: completed(first, task_id))
        first.stop()
    with up("--data-dir", str(data)) as second:
        assert {name: second.ready[name] for name in SECRETS} == {name: first.ready[name] for name in SECRETS}
        assert completed(second, task_id)
        assert [message["headers"]["Subject"] for message in inbox(second)] == ["summer"]


def test_secrets_in_the_data_folder_are_for_their_owner_alone(data: Path) -> None:
    with up("--data-dir", str(data)) as found:
        found.stop()

    for name in ("secret", "operator.json"):
        assert stat.S_IMODE((data / name).stat().st_mode) == 0o600


def test_killing_it_leaves_nobody_behind_and_it_starts_again(data: Path) -> None:
    """kill -9 at any time is a way to stop it."""
    with up("--data-dir", str(data)) as first:
        children = first.descendants()
        task_id = send_letter(first, "autumn", ["ada@example.com"])
        first.process.kill()
        wait_until(lambda: not any(alive(pid) for pid in children))
    with up("--data-dir", str(data)) as second:
        wait_until(lambda: completed(second, task_id), 90)


def test_a_dead_postgres_is_started_again_and_the_services_go_on(data: Path) -> None:
    with up("--data-dir", str(data)) as found:
        postmaster = int((data / "postgres/postmaster.pid").read_text().splitlines()[0])
        os.kill(postmaster, signal.SIGKILL)
        wait_until(lambda: not alive(postmaster))
        wait_until(lambda: works(found))
        task_id = send_letter(found, "winter", ["ada@example.com"])
        wait_until(lambda: completed(found, task_id))

        assert found.stop()[0] == 0


def test_a_second_one_on_the_same_folder_is_told_so(data: Path) -> None:
    with up("--data-dir", str(data)) as found:
        second = run("up", *ANY_PORTS, "--data-dir", str(data))

        assert works(found)
    assert second.returncode == 2
    assert f"{data} is in use" in second.stderr


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        others = [option for option in ANY_PORTS if not option.startswith("--inbox")]
        done = run("up", *others, "--inbox-port", str(port))

    assert done.returncode == 1
    assert done.stdout == ""
    assert str(port) in done.stderr
    assert "Traceback" not in done.stderr


def test_settings_that_cannot_be_read_are_named_and_nothing_starts() -> None:
    done = run("up", *ANY_PORTS, POSTROOM_RETRY_SECONDS="soon", POSTROOM_SWEEP_SECONDS="never")

    assert done.returncode == 2
    assert done.stdout == ""
    assert "POSTROOM_RETRY_SECONDS" in done.stderr
    assert "POSTROOM_SWEEP_SECONDS" in done.stderr


def test_mail_goes_to_a_relay_when_one_is_named(running: Up) -> None:
    """The inbox of another Postroom stands in for the relay."""
    with up("--smtp-url", running.ready["smtp"]) as found:
        task_id = send_letter(found, "relayed", ["dora@example.com"])
        wait_until(lambda: completed(found, task_id))

        assert inbox(found) == []
    assert [message["headers"]["Subject"] for message in inbox(running, "?to=dora@example.com")] == ["relayed"]


def send_text(found: Up, name: str, telephones: list[str]) -> int:
    """The id of its task."""
    made = call(found, "POST", "/list", {"name": name})
    call(found, "POST", f"/list/{made['id']}/subscriber", [{"telephone": telephone} for telephone in telephones])
    text = {"channel": "sms", "name": name, "sender": "Acme", "body": "Hello {{ telephone }}."}
    message = call(found, "POST", "/message", text)
    task = {"channel": "sms", "name": name, "list_id": made["id"], "message_id": message["id"], "scheduledtime": 0}
    return int(call(found, "POST", "/task", task)["id"])


def test_an_sms_reaches_the_inbox_and_its_receipt_the_report(running: Up) -> None:
    """One number of two is refused by the gateway, one of the others is told to be off: told by the task at once."""
    telephones = ["+447700900123", "+447700900001", "+447700900422"]
    task_id = send_text(running, "texts", telephones)
    wait_until(lambda: completed(running, task_id))
    wait_until(lambda: call(running, "GET", f"/task/{task_id}")["smsuniquebounces"] == 2)

    report = call(running, "GET", f"/task/{task_id}/report")
    wait_until(lambda: call(running, "GET", f"/task/{task_id}/report")["unique"]["delivered"] == 1)
    records = {record["telephone"]: record for record in call(running, "GET", f"/task/{task_id}/contact")}
    task = call(running, "GET", f"/task/{task_id}")

    assert [message["text"] for message in inbox(running, "?to=+447700900123")] == ["Hello +447700900123."]
    assert (report["states"]["accepted"], report["states"]["bounced"]) == (1, 2)
    assert {number: record["state"] for number, record in records.items()} == {
        "+447700900123": "accepted",
        "+447700900001": "bounced",
        "+447700900422": "bounced",
    }
    assert records["+447700900001"]["reason"] == "receipt undeliverable"
    assert records["+447700900422"]["reason"].startswith("422 ")
    assert [name for name, value in task.items() if name.startswith("emailunique") and value is not None] == []


def test_sms_go_to_a_gateway_when_one_is_named(running: Up) -> None:
    """The inbox of another Postroom stands in for the gateway."""
    with up("--sms-url", f"{running.ready['inbox']}/sms") as found:
        task_id = send_text(found, "relayed texts", ["+447700900777"])
        wait_until(lambda: call(found, "GET", f"/task/{task_id}/report")["unique"]["delivered"] == 1)

        assert inbox(found) == []
    assert len(inbox(running, "?to=+447700900777")) == 1


def test_a_gateway_that_cannot_be_one_is_named_and_nothing_starts() -> None:
    done = run("up", *ANY_PORTS, "--sms-url", "http://user:hidden@/x y")

    assert done.returncode == 2
    assert "POSTROOM_SMS_URL: the host is missing" in done.stderr
    assert "hidden" not in done.stderr


def _open_files(pid: int) -> list[str]:
    try:
        return [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()]
    except FileNotFoundError:
        return []
