"""`postroom demo`: one task to a thousand readers, from the list to the report, over HTTP alone: an example to read.

start Postroom -> list -> subscribers -> message -> task -> [mails arrive] -> readers read -> report -> checks
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import aiohttp
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from services.standalone.demo.checks import Check, check_mail, check_report, is_counted
from services.standalone.demo.child_postroom import NotStarted, child_postroom
from services.standalone.demo.play_readers import find_handles, play_readers
from services.standalone.demo.postroom_client import PostroomClient, Unexpected
from services.standalone.demo.readers import LINKS, Expected, Reader, expect, make_reader
from services.standalone.demo.show import show_checks, show_report
from shared.runtime.clock import monotonic
from shared.runtime.lifecycle import stop_on_signals

READERS = 1_000
SENT_SECONDS = 60.0
COUNTED_SECONDS = 30.0

_LOOK_SECONDS = 0.05
_CALL_SECONDS = 30.0

MESSAGE = {
    "channel": "email",
    "name": "Autumn letter",
    "subject": "{{ vars.name }}, the autumn letter is here",
    "from_name": "The Corner Shop",
    "from_email": "letters@shop.example.com",
    "text": (
        "Hello {{ vars.name }},\n\n"
        f"the shelves are full again: {LINKS[0]}\n\n"
        "Unsubscribe: {{ unsubscribe_url }}\n"
    ),
    "html": (
        "<p>Hello {{ vars.name }},</p>"
        f"<p>the shelves are full again: <a href='{LINKS[0].replace('&', '&amp;')}'>come and see</a>. "
        f"We are open <a href='{LINKS[1].replace('&', '&amp;')}'>longer, too</a>.</p>"
        "<p><a href='{{ unsubscribe_url }}'>Unsubscribe</a></p>"
    ),
}


async def run_demo(console: Console, stay: bool) -> int:
    """The exit code: 0 when every check holds. ``stay``: leave Postroom running until Ctrl-C, to look around."""
    console.print("Starting Postroom: Postgres, the three services and an inbox …")
    try:
        async with child_postroom() as ready, aiohttp.ClientSession(timeout=_timeout()) as session:
            client = PostroomClient(session, ready["api"], ready["inbox"], ready["api_key"])
            checks = await _play(console, client, ready["tracker"])
            show_checks(console, checks)
            await _point_out(console, ready, stay)
            return 0 if all(check.holds for check in checks) else 1
    except (NotStarted, Unexpected, aiohttp.ClientError, TimeoutError) as error:
        console.print(f"[red]The demo failed:[/] {escape(str(error) or type(error).__name__)}")
        return 1


async def _play(console: Console, client: PostroomClient, tracker: str) -> list[Check]:
    readers = [make_reader(number) for number in range(READERS)]
    expected = expect(readers)
    task_id, started = await _post_task(client, readers)
    with _progress(console) as progress:
        await _watch_sending(client, task_id, progress)
        seconds = monotonic() - started
        messages = await client.all_mail()
        await _read_mail(client, readers, messages, tracker, progress)
        report = await _watch_counting(client, task_id, expected, progress)
    show_report(console, report, READERS, seconds)
    task = await client.get(f"/task/{task_id}")
    return [*check_mail(readers, messages), *check_report(expected, READERS, report, task)]


async def _post_task(client: PostroomClient, readers: Sequence[Reader]) -> tuple[int, float]:
    """Its id, and when it was posted."""
    the_list = await client.post("/list", {"name": "Readers of the autumn letter"})
    people = [{"email": reader.email, "vars": {"name": reader.name}} for reader in readers]
    await client.post(f"/list/{the_list['id']}/subscriber", people)
    message = await client.post("/message", MESSAGE)
    started = monotonic()
    task = await client.post(
        "/task",
        {
            "channel": "email",
            "name": "Autumn letter",
            "list_id": the_list["id"],
            "message_id": message["id"],
            "scheduledtime": 0,
        },
    )
    return task["id"], started


async def _watch_sending(client: PostroomClient, task_id: int, progress: Progress) -> None:
    bar = progress.add_task("sent", total=READERS)

    async def all_sent() -> bool:
        accepted = (await client.get(f"/task/{task_id}/report"))["states"].get("accepted", 0)
        progress.update(bar, completed=accepted)
        return bool(accepted >= READERS)

    await _until(all_sent, SENT_SECONDS, "the mails were not sent in time")


async def _read_mail(
    client: PostroomClient, readers: Sequence[Reader], messages: Sequence[Any], tracker: str, progress: Progress
) -> None:
    bar = progress.add_task("read", total=READERS)
    by_address = {message["envelope"]["to"][0]: message for message in messages}
    if missing := [reader.email for reader in readers if reader.email not in by_address]:
        raise Unexpected(f"{len(missing)} readers got no mail, {missing[0]} among them")
    handles = [find_handles(by_address[reader.email], tracker) for reader in readers]
    await play_readers(client.session, readers, handles, lambda: progress.advance(bar))


async def _watch_counting(client: PostroomClient, task_id: int, expected: Expected, progress: Progress) -> Any:
    """The report, once it holds everything that was played; else as it stands when patience ends."""
    bar = progress.add_task("opens counted", total=expected.total["opened"])
    report: dict[str, Any] = {}

    async def all_counted() -> bool:
        report.update(await client.get(f"/task/{task_id}/report"))
        progress.update(bar, completed=report["total"].get("opened", 0))
        completed = (await client.get(f"/task/{task_id}"))["completed"]
        return completed and is_counted(expected, report)

    try:
        await _until(all_counted, COUNTED_SECONDS, "not counted in time")
    except TimeoutError:
        progress.console.print("[red]Not everything was counted in time.[/]")
    return report


async def _until(holds: Callable[[], Awaitable[bool]], seconds: float, otherwise: str) -> None:
    """Raises TimeoutError with the words of ``otherwise``."""
    deadline = monotonic() + seconds
    while not await holds():
        if monotonic() > deadline:
            raise TimeoutError(otherwise)
        await asyncio.sleep(_LOOK_SECONDS)


async def _point_out(console: Console, ready: dict[str, Any], stay: bool) -> None:
    if not stay:
        console.print("To look around: [bold].venv/bin/postroom demo --stay[/] (or [bold]up[/], for one of your own)")
        return
    console.print(f"Inbox {ready['inbox']}  ·  API {ready['api']}  ·  key {ready['api_key']}")
    stop = stop_on_signals()
    console.print("Until Ctrl-C.")
    await stop.wait()


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description:>13}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)


def _timeout() -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=_CALL_SECONDS)
