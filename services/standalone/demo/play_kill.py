"""The demo's third part: a second Postroom, which sends into the inbox of the first, is killed in the middle of it.

It comes back on the same data, and its report says who has been reached and who was in doubt.
"""

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from services.standalone.demo.checks import Check, check_survival
from services.standalone.demo.child_postroom import Child, child_postroom
from services.standalone.demo.play_mail import post_task
from services.standalone.demo.postroom_client import PostroomClient
from services.standalone.demo.show import show_progress, show_survival
from services.standalone.demo.watch import COUNTED_SECONDS, SENT_SECONDS, until, watch_sending
from shared.runtime.clock import monotonic

READERS = 2_000
KILLED_AT = 700  #: mails in the inbox
RATE = 2_400_000  #: messages an hour, so that there is a middle to be killed in

MESSAGE = {
    "channel": "email",
    "name": "Winter letter",
    "subject": "The winter letter is here",
    "from_name": "The Corner Shop",
    "from_email": "letters@shop.example.com",
    "text": "Hello {{ vars.name }},\n\nwe are open longer.\n\nUnsubscribe: {{ unsubscribe_url }}\n",
}


@dataclass(frozen=True, slots=True)
class Survived:
    """``copies``: mails that came, by address. ``killed_at``: mails in the inbox by then; ``away``: seconds."""

    emails: list[str]
    killed_at: int
    away: float
    copies: list[str]
    doubtful: list[str]
    report: dict[str, Any]


async def play_kill(console: Console, inbox: PostroomClient, smtp: str) -> list[Check]:
    """``inbox``: of the Postroom that is not killed; ``smtp``: where it takes mail."""
    console.print(f"A second Postroom sends to {READERS:,} readers and is killed (kill -9) in the middle …")
    emails = [f"winter{number}@example.com" for number in range(READERS)]
    with _folder() as folder, show_progress(console) as progress:
        survived = await _survive(inbox, (f"--data-dir={folder}/data", f"--smtp-url={smtp}"), emails, progress)
    show_survival(console, survived.report, survived.killed_at, survived.away, survived.doubtful)
    return check_survival(survived.emails, survived.killed_at, survived.copies, survived.doubtful, survived.report)


@contextmanager
def _folder() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="postroom-demo-") as folder:
        Path(folder).chmod(0o711)  # Postgres runs as another user where we are root
        yield folder


async def _survive(inbox: PostroomClient, options: tuple[str, ...], emails: list[str], progress: Progress) -> Survived:
    before = (await inbox.all_messages("email"))[-1]["id"]
    async with _second(inbox, options) as (child, client):
        people = [{"email": email, "vars": {"name": f"reader {number}"}} for number, email in enumerate(emails)]
        task_id = (await post_task(client, "Readers of the winter letter", people, MESSAGE, rate=RATE)).task_id
        killed_at = await _watch_inbox(inbox, before, progress)
        await child.kill()
        killed = monotonic()
    async with _second(inbox, options) as (_, client):
        away = monotonic() - killed
        await watch_sending(client, task_id, READERS, progress, "mails after all")
        report = await _ended(client, task_id)
        contacts = await client.get(f"/task/{task_id}/contact?in_doubt=resent&count=1000")
        copies = [message["envelope"]["to"][0] for message in await inbox.all_messages("email", before)]
    return Survived(emails, killed_at, away, copies, [contact["email"] for contact in contacts], report)


@asynccontextmanager
async def _second(inbox: PostroomClient, options: tuple[str, ...]) -> AsyncIterator[tuple[Child, PostroomClient]]:
    async with child_postroom(*options) as child:
        yield child, PostroomClient(inbox.session, child.ready["api"], inbox.inbox, child.ready["api_key"])


async def _watch_inbox(inbox: PostroomClient, before: int, progress: Progress) -> int:
    """How many mails have come when it is time to kill. Raises TimeoutError."""
    bar = progress.add_task("mails until killed", total=READERS)
    came: list[int] = [before]

    async def enough() -> bool:
        came.extend(message["id"] for message in await inbox.all_messages("email", came[-1]))
        progress.update(bar, completed=len(came) - 1)
        return len(came) > KILLED_AT

    await until(enough, SENT_SECONDS, "mails until killed: not in time")
    return len(came) - 1


async def _ended(client: PostroomClient, task_id: int) -> dict[str, Any]:
    async def completed() -> bool:
        return bool((await client.get(f"/task/{task_id}"))["completed"])

    await until(completed, COUNTED_SECONDS, "the killed task: not completed in time")
    report: dict[str, Any] = await client.get(f"/task/{task_id}/report")
    return report
