"""The email half of the demo: a letter to a thousand readers, who open it and click."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import Progress

from services.standalone.demo.checks import Check, check_mail, check_report
from services.standalone.demo.play_readers import find_handles, play_readers
from services.standalone.demo.postroom_client import PostroomClient, Unexpected
from services.standalone.demo.readers import LINKS, Reader, expect, make_reader
from services.standalone.demo.show import show_progress, show_report
from services.standalone.demo.watch import watch_counting, watch_sending
from shared.runtime.clock import monotonic

READERS = 1_000

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


@dataclass(frozen=True, slots=True)
class Posted:
    task_id: int
    at: float  #: monotonic seconds


async def play_mail(console: Console, client: PostroomClient, tracker: str) -> list[Check]:
    readers = [make_reader(number) for number in range(READERS)]
    expected = expect(readers)
    people = [{"email": reader.email, "vars": {"name": reader.name}} for reader in readers]
    posted = await post_task(client, "Readers of the autumn letter", people, MESSAGE)
    with show_progress(console) as progress:
        await watch_sending(client, posted.task_id, READERS, progress, "mails sent")
        seconds = monotonic() - posted.at
        messages = await client.all_messages("email")
        await _read(client, readers, messages, tracker, progress)
        report = await watch_counting(client, posted.task_id, expected.unique, expected.total, progress, shown="opened")
    show_report(console, "Email", report, seconds)
    task = await client.get(f"/task/{posted.task_id}")
    return [*check_mail(readers, messages), *check_report(expected, READERS, report, task)]


async def post_task(
    client: PostroomClient, list_name: str, people: Sequence[Any], message: dict[str, str], **terms: object
) -> Posted:
    """A list with these people, the message, and a task that is due at once; ``terms``: what else it says."""
    the_list = await client.post("/list", {"name": list_name})
    await client.post(f"/list/{the_list['id']}/subscriber", people)
    made = await client.post("/message", message)
    at = monotonic()
    task = await client.post(
        "/task",
        {
            "channel": message["channel"],
            "name": message["name"],
            "list_id": the_list["id"],
            "message_id": made["id"],
            "scheduledtime": 0,
            **terms,
        },
    )
    return Posted(task["id"], at)


async def _read(
    client: PostroomClient, readers: Sequence[Reader], messages: Sequence[Any], tracker: str, progress: Progress
) -> None:
    bar = progress.add_task("mails read", total=READERS)
    by_address = {message["envelope"]["to"][0]: message for message in messages}
    if missing := [reader.email for reader in readers if reader.email not in by_address]:
        raise Unexpected(f"{len(missing)} readers got no mail, {missing[0]} among them")
    handles = [find_handles(by_address[reader.email], tracker) for reader in readers]
    await play_readers(client.session, readers, handles, lambda: progress.advance(bar))
