"""`postroom demo`: a letter to a thousand readers, a text to two hundred telephones, and a Postroom that is killed
in the middle of a send; from the lists to the reports, over HTTP alone: an example to read.

start Postroom -> list -> subscribers -> message -> task -> [messages arrive] -> readers read, receipts come -> report
-> checks
"""

from typing import Any

import aiohttp
from rich.console import Console
from rich.markup import escape

from services.standalone.demo.child_postroom import NotStarted, child_postroom
from services.standalone.demo.play_kill import play_kill
from services.standalone.demo.play_mail import play_mail
from services.standalone.demo.play_texts import play_texts
from services.standalone.demo.postroom_client import PostroomClient, Unexpected
from services.standalone.demo.show import show_checks
from shared.runtime.lifecycle import stop_on_signals

_CALL_SECONDS = 30.0


async def run_demo(console: Console, stay: bool) -> int:
    """The exit code: 0 when every check holds. ``stay``: leave Postroom running until Ctrl-C, to look around."""
    console.print("Starting Postroom: Postgres, the three services and an inbox …")
    try:
        async with child_postroom() as child, aiohttp.ClientSession(timeout=_timeout()) as session:
            ready = child.ready
            client = PostroomClient(session, ready["api"], ready["inbox"], ready["api_key"])
            checks = [
                *await play_mail(console, client, ready["tracker"]),
                *await play_texts(console, client),
                *await play_kill(console, client, ready["smtp"]),
            ]
            show_checks(console, checks)
            await _point_out(console, ready, stay)
            return 0 if all(check.holds for check in checks) else 1
    except (NotStarted, Unexpected, aiohttp.ClientError, TimeoutError) as error:
        console.print(f"[red]The demo failed:[/] {escape(str(error) or type(error).__name__)}")
        return 1


async def _point_out(console: Console, ready: dict[str, Any], stay: bool) -> None:
    if not stay:
        console.print("To look around: [bold].venv/bin/postroom demo --stay[/] (or [bold]up[/], for one of your own)")
        return
    console.print(f"Inbox {ready['inbox']}  ·  API {ready['api']}  ·  key {ready['api_key']}")
    stop = stop_on_signals()
    console.print("Until Ctrl-C.")
    await stop.wait()


def _timeout() -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=_CALL_SECONDS)
