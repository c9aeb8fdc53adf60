"""``export_scheduled_sends``: the tasks that have not started."""

import time
from typing import Any

import pytest

from services.dispatcher.jobs.types import export_tasks
from tests.integration.api.conftest import EMAIL_MESSAGE
from tests.integration.jobs.caller import Caller
from tests.integration.jobs.test_export_list import exported

COLUMNS = ["Task Id", "Name", "Channel", "Message Id", "List", "Search", "Scheduled Time", "Size", "Rate"]


async def made(caller: Caller, path: str, **body: Any) -> dict[str, Any]:
    reply = await caller.native.post(path, body)
    assert reply.status == 201, reply.json
    answer: dict[str, Any] = reply.json
    return answer


async def test_tasks_that_have_not_started_are_lines(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither those that have, nor the cancelled ones, nor those of others; page by page."""
    monkeypatch.setattr(export_tasks, "ROWS", 1)
    await caller.done(job="import", list="Main, and more", emails="a@example.com,b@example.com")
    list_id, soon = await caller.list_id("Main, and more"), int(time.time()) + 86_400
    message = await made(caller, "/message", **EMAIL_MESSAGE)
    search = await made(caller, "/search", name="@all", query={})
    task = {"channel": "email", "message_id": message["id"], "scheduledtime": soon}
    first = await made(caller, "/task", name="=First", list_id=list_id, rate=500, **task)
    second = await made(caller, "/task", name="Second", search_id=search["id"], **task)
    cancelled = await made(caller, "/task", name="Cancelled", list_id=list_id, **task)
    assert (await caller.native.put(f"/task/{cancelled['id']}", {"cancelled": True})).status == 200
    started = await made(caller, "/task", name="Started", list_id=list_id, **task)
    await caller.database.execute("UPDATE task SET started = true WHERE id = $1", started["id"])

    rows = await exported(caller, job="export_scheduled_sends")

    when = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(soon))
    assert list(rows[0]) == COLUMNS
    assert [list(row.values()) for row in rows] == [
        [str(first["id"]), "'=First", "email", str(message["id"]), "Main, and more", "", when, "2", "500"],
        [str(second["id"]), "Second", "email", str(message["id"]), "", "'@all", when, "2", ""],
    ]


async def test_without_tasks_there_is_a_line_of_names(caller: Caller) -> None:
    told = await caller.done(job="export_scheduled_sends")
    async with caller.session.get(told["export_url"]) as response:
        assert await response.text() == ",".join(COLUMNS) + "\n"

    assert (told["name"], told["filename"], told["rows"]) == ("Export Scheduled Sends", "scheduled_sends.csv", 0)


async def test_it_takes_no_parameters(caller: Caller) -> None:
    posted = await caller.post(job="export_scheduled_sends", list="Main")

    assert posted.error == (400, 99)
    assert "list" in posted.body["errormsg"]
