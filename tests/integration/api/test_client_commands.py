"""The commands that ask a running API, as a shell runs them: without a terminal, and on one."""

import asyncio
import os
import pty
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from shared.delivery_log.append import DeliveryLog
from shared.domain.delivery import Kind
from shared.domain.identifiers import TaskId, shard_of
from shared.domain.task import ChangeTask, CompleteTask, FreezeAudience, StartTask
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from tests.integration.api.conftest import Client, Ready, drive
from tests.integration.published_rig import segment
from tests.integration.settled_commits import wait_for_settled_commits

POSTROOM = Path(sys.executable).with_name("postroom")


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return orjson.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [orjson.loads(line) for line in self.out.splitlines()]


def environment(client: Client, **more: str) -> dict[str, str]:
    return {**os.environ, "POSTROOM_URL": client.url, "POSTROOM_KEY": client.key or "", **more}


async def start(client: Client, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        POSTROOM,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(client),
    )


async def end(process: asyncio.subprocess.Process) -> Ended:
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return Ended(process.returncode or 0, out.decode(), err.decode())


async def run(client: Client, *arguments: str) -> Ended:
    return await end(await start(client, *arguments))


async def on_terminal(client: Client, *arguments: str) -> tuple[int, str]:
    """The exit code, and all that appeared."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        POSTROOM, *arguments, stdout=theirs, stderr=theirs, env=environment(client, TERM="xterm", COLUMNS="100")
    )
    os.close(theirs)
    shown = await asyncio.wait_for(asyncio.to_thread(_read_all, ours), 60)
    return await process.wait(), shown


def _read_all(descriptor: int) -> str:
    shown = b""
    try:
        while piece := os.read(descriptor, 65_536):
            shown += piece
    except OSError:  # how a terminal says that nobody is at its other end any more
        pass
    os.close(descriptor)
    return shown.decode()


def task_arguments(ready: Ready, *more: str) -> list[str]:
    wish = ["--message", str(ready.message_id), "--list", str(ready.list_id), "--name", "News", *more]
    return ["task", "create", *wish]


async def newest_task(client: Client) -> int:
    async with asyncio.timeout(30):
        while not (found := (await client.get("/task")).json):
            await asyncio.sleep(0.02)
    return int(found[-1]["id"])


async def begin(database: Database, store: PostgresEventStore, task_id: int) -> None:
    """To three people, two of whom have their messages; as dispatcher and tracker do."""
    await database.execute(
        "INSERT INTO contact_record (shard, task_id, ordinal, subscriber_id, address) "
        "SELECT $1, $2, n, n + 1, 'p' || n || '@example.com' FROM generate_series(0, 2) AS n",
        int(shard_of(task_id)),
        task_id,
    )
    await drive(store, task_id, StartTask(1), FreezeAudience(3, {}))
    await DeliveryLog(database).append([segment(task_id, Kind.SUBMITTED, [0, 1])])


async def test_a_task_is_created(client: Client, ready: Ready) -> None:
    """Stdout is the task as the API has it, and nothing else is said."""
    ended = await run(client, *task_arguments(ready, "--at", "4000000000", "--rate", "5"))

    assert (ended.code, ended.err) == (0, "")
    assert ended.json == (await client.get(f"/task/{ended.json['id']}")).json
    assert (ended.json["name"], ended.json["rate"]) == ("News", 5)


@pytest.mark.parametrize(
    ("last", "code"),
    [
        pytest.param(CompleteTask(), 0, id="completed"),
        pytest.param(ChangeTask(frozenset({"cancelled"}), cancelled=True), 1, id="cancelled"),
    ],
)
async def test_a_task_is_waited_for(
    client: Client, ready: Ready, database: Database, store: PostgresEventStore, last: object, code: int
) -> None:
    """Until its end; the exit code says which."""
    process = await start(client, *task_arguments(ready, "--wait"))
    task_id = await newest_task(client)
    await begin(database, store, task_id)
    assert process.returncode is None
    await drive(store, TaskId(task_id), last)

    ended = await end(process)

    assert (ended.code, ended.err) == (code, "")
    assert (ended.json["id"], ended.json["cancelled"]) == (task_id, code == 1)


async def test_every_fault_is_a_line(client: Client, ready: Ready) -> None:
    """On stderr, and the exit code is 1; what the command itself does not take is 1 as well, and says so."""
    refused = await run(client, "task", "create", "--message", "999", "--list", "998", "--name", "News", "--rate", "0")
    nobody = await run(client, "report", "1", "--url", "http://127.0.0.1:9")
    stranger = await run(client, "report", "1", "--key", "pr_wrong")

    assert (refused.code, nobody.code, stranger.code) == (1, 1, 1)
    assert (refused.out, nobody.out, stranger.out) == ("", "", "")
    assert refused.err.startswith("postroom: rate: ")
    assert nobody.err.startswith("postroom: http://127.0.0.1:9: ")
    assert stranger.err == "postroom: a valid key is needed\n"


async def test_a_csv_file_is_imported(client: Client, ready: Ready, tmp_path: Path) -> None:
    """Across requests; a bad line is told by its number and spoils no other, and other columns are vars."""
    people = [f"q{number}@example.com,ref-{number},Ann {number}" for number in range(2_005)]
    people[2_002] = "no address,ref-2002,Ann"
    file = tmp_path / "people.csv"
    file.write_text("\ufeffemail,external_id,name\n" + "\n".join(people), encoding="utf-8")

    ended = await run(client, "import", str(file), "--list", str(ready.list_id))

    assert ended.code == 1
    assert {name: ended.json[name] for name in ("created", "failed")} == {"created": 2_004, "failed": 1}
    assert [error["line"] for error in ended.json["errors"]] == [2_003]
    assert (await client.get(f"/list/{ready.list_id}")).json["subscription_count"] == 2_007
    [person] = (await client.get("/subscriber?email=q2004@example.com")).json
    assert (person["external_id"], person["vars"]) == ("ref-2004", {"name": "Ann 2004"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("name\nAnn\n", "a header row with email or telephone is needed", id="no address"),
        pytest.param("email,email\na,b\n", "each column named once", id="twice"),
        pytest.param("", "a header row with email or telephone is needed", id="empty"),
        pytest.param(None, "No such file", id="missing"),
    ],
)
async def test_what_is_no_such_file_is_refused(client: Client, tmp_path: Path, text: str | None, said: str) -> None:
    file = tmp_path / "people.csv"
    if text is not None:
        file.write_text(text, encoding="utf-8")

    ended = await run(client, "import", str(file), "--list", "1")

    assert (ended.code, ended.out) == (1, "")
    assert said in ended.err


async def test_events_are_told_as_they_happen(client: Client, ready: Ready) -> None:
    """Those of before only when asked for; a line of JSON each."""
    await client.post("/task", ready.task(name="Before"))
    async with asyncio.timeout(30):
        while not (await client.get("/events")).json:
            await asyncio.sleep(0.02)
    everything = await run(client, "tail", "--from-start", "--no-follow", "--type", "task.*")
    process = await start(client, "tail", "--type", "task.created")
    assert process.stdout is not None
    made: list[int] = []

    async def make_tasks() -> None:
        while True:
            made.append((await client.post("/task", ready.task())).json["id"])
            await asyncio.sleep(0.2)

    making = asyncio.create_task(make_tasks())
    first = orjson.loads(await asyncio.wait_for(process.stdout.readline(), 60))
    making.cancel()
    process.terminate()
    await process.wait()

    assert [event["data"]["name"] for event in everything.lines] == ["Before"]
    assert first["data"]["task_id"] in made


async def test_on_a_terminal_there_are_tables(
    client: Client, ready: Ready, database: Database, store: PostgresEventStore, tmp_path: Path
) -> None:
    """A report, a bar that goes away, and events a person can follow."""
    task_id = (await client.post("/task", ready.task())).json["id"]
    await begin(database, store, task_id)
    await wait_for_settled_commits(database)
    file = tmp_path / "people.csv"
    file.write_text("email\nq@example.com\n", encoding="utf-8")

    report = await on_terminal(client, "report", str(task_id))
    imported = await on_terminal(client, "import", str(file), "--list", str(ready.list_id))
    tail = await on_terminal(client, "tail", "--from-start", "--no-follow", "--type", "delivery.*")

    assert (report[0], imported[0], tail[0]) == (0, 0, 0)
    assert "3 recipients" in report[1]
    assert "pending" in report[1]
    assert "people.csv" in imported[1]
    assert '"created":1' in imported[1]
    assert "delivery.submitted" in tail[1]
    assert f"task/{task_id}" in tail[1]
    assert "2 recipients" in tail[1]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
async def test_a_shell_completes(client: Client, shell: str) -> None:
    """What it sources names the commands and their options."""
    ended = await run(client, "completion", shell)

    assert (ended.code, ended.err) == (0, "")
    assert "in-doubt" in ended.out
    assert "tail" in ended.out


async def test_bash_takes_the_completion(client: Client, tmp_path: Path) -> None:
    """The shell itself reads it without a fault."""
    script = tmp_path / "completion"
    script.write_text((await run(client, "completion", "bash")).out, encoding="utf-8")
    process = await asyncio.create_subprocess_exec("bash", "-n", str(script))

    assert await process.wait() == 0
