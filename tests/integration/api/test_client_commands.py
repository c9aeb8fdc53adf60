"""The commands that ask a running API, as a shell runs them: without a terminal, and on one."""

import asyncio
import os
import re
import subprocess
from pathlib import Path

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
from tests.integration.shell import POSTROOM, end, environment, on_terminal, run, start


def task_arguments(ready: Ready, *more: str) -> list[str]:
    wish = ["--message", str(ready.message_id), "--list", str(ready.list_id), "--name", "News", *more]
    return ["task", "create", *wish]


async def newest_task(client: Client) -> int:
    async with asyncio.timeout(30):
        while not (found := (await client.get("/task")).json):
            await asyncio.sleep(0.02)
    return int(found[-1]["id"])


async def wait_for_events(client: Client) -> None:
    async with asyncio.timeout(30):
        while not (await client.get("/events")).json:
            await asyncio.sleep(0.02)


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


async def test_on_a_terminal_a_bar_shows_how_far_the_task_is(
    client: Client, ready: Ready, database: Database, store: PostgresEventStore
) -> None:
    """And the task is printed below it."""
    waiting = asyncio.create_task(on_terminal(client, *task_arguments(ready, "--wait")))
    task_id = await newest_task(client)
    await begin(database, store, task_id)
    async with asyncio.timeout(30):
        while await reports_asked_for(client) < 1:
            await asyncio.sleep(0.1)
    await drive(store, TaskId(task_id), CompleteTask())

    code, shown = await waiting

    assert code == 0
    assert f"task {task_id}" in shown
    assert "/3" in shown
    assert f'"id":{task_id}' in shown


async def reports_asked_for(client: Client) -> int:
    return await asked_for(client, "/task/{task_id}/report")


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


@pytest.mark.parametrize("url", ["http://[::1", "http://127.0.0.1:99999", "ftp://127.0.0.1", "http://", "x"])
async def test_what_is_no_url_is_said_to_be_none(client: Client, url: str) -> None:
    """In one line, whatever is wrong with it."""
    ended = await run(client, "report", "1", "--url", url)

    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "postroom: the URL of the API must be http:// or https://, with a host\n"


async def test_a_disk_that_is_full_is_a_line_and_no_trace(client: Client, ready: Ready) -> None:
    await client.post("/task", ready.task())
    await wait_for_events(client)
    full = os.open("/dev/full", os.O_WRONLY)
    process = await asyncio.create_subprocess_exec(
        *(POSTROOM, "tail", "--no-follow", "--after", "0"), stdout=full, stderr=subprocess.PIPE, env=environment(client)
    )
    os.close(full)
    _, said = await asyncio.wait_for(process.communicate(), 60)

    assert process.returncode == 1
    assert said.decode() == "postroom: what there is to say cannot be written: No space left on device\n"


async def test_without_a_stdout_commands_say_so_and_where_nobody_reads_on_they_are_quiet(
    client: Client, ready: Ready
) -> None:
    """Closed from the beginning (also with stdin and stderr), and closed by whoever read it: never a trace."""
    await client.post("/task", ready.task())
    await wait_for_events(client)
    unsaid = (1, "postroom: what there is to say cannot be written: Bad file descriptor\n")
    lines = {
        **dict.fromkeys(("report 1 >&-", "settings >&-", "completion bash >&-", "--help >&-"), unsaid),
        "task create --message 1 --list 1 --name N >&-": unsaid,
        "tail --no-follow --after 0 >&-": unsaid,
        "report 1 <&- >&- 2>&-": (1, ""),
        "tail --no-follow --after 0 | true; exit ${PIPESTATUS[0]}": (0, ""),
        "settings | true; exit ${PIPESTATUS[0]}": (0, ""),
    }

    ended = await asyncio.gather(*(sh(client, f"{POSTROOM} {line}") for line in lines))

    assert dict(zip(lines, ended, strict=True)) == lines


async def sh(client: Client, line: str) -> tuple[int, str]:
    """The exit code, and what came to stderr."""
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", line), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(client)
    )
    _, said = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, said.decode()


async def test_whoever_follows_asks_for_nothing_of_before(client: Client, ready: Ready) -> None:
    """However much there is: one request finds the end."""
    await client.post("/task", ready.task())
    await wait_for_events(client)
    before = await asked_for_events(client)
    ended = await run(client, "tail", "--no-follow")

    assert (ended.code, ended.out, await asked_for_events(client) - before) == (0, "", 1)


async def asked_for_events(client: Client) -> int:
    return await asked_for(client, "/events")


async def asked_for(client: Client, route: str) -> int:
    """How often it was answered."""
    told = (await client.get("/metrics")).data.decode()
    series = re.escape(f'postroom_http_requests_total{{method="GET",route="{route}",status="200"}} ')
    found = re.search(series + r"(\S+)", told)
    return int(float(found[1])) if found else 0


async def test_events_are_told_as_they_happen(client: Client, ready: Ready) -> None:
    """Those of before only when asked for; a line of JSON each."""
    await client.post("/task", ready.task(name="Before"))
    async with asyncio.timeout(30):
        while not (await client.get("/events")).json:
            await asyncio.sleep(0.02)
    everything = await run(client, "tail", "--after", "0", "--no-follow", "--type", "task.*")
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
    client: Client, ready: Ready, database: Database, store: PostgresEventStore
) -> None:
    """A report, and events a person can follow."""
    task_id = (await client.post("/task", ready.task())).json["id"]
    await begin(database, store, task_id)
    await wait_for_settled_commits(database)
    report = await on_terminal(client, "report", str(task_id))
    tail = await on_terminal(client, "tail", "--after", "0", "--no-follow", "--type", "delivery.*")

    assert (report[0], tail[0]) == (0, 0)
    assert "3 recipients" in report[1]
    assert "pending" in report[1]
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
