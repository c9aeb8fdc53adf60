"""The SMS half of the demo: a text to two hundred telephones, whose gateway tells what became of each."""

from rich.console import Console

from services.standalone.demo.checks import Check, check_text_report, check_texts
from services.standalone.demo.play_mail import post_task
from services.standalone.demo.postroom_client import PostroomClient
from services.standalone.demo.show import show_progress, show_report
from services.standalone.demo.texts import expect_texts, make_texted
from services.standalone.demo.watch import watch_counting, watch_sending
from shared.runtime.clock import monotonic

TELEPHONES = 200

MESSAGE = {
    "channel": "sms",
    "name": "Autumn text",
    "sender": "CornerShop",
    "body": "{{ vars.name }}, the shelves are full again. The Corner Shop",
}


async def play_texts(console: Console, client: PostroomClient) -> list[Check]:
    people = [make_texted(number) for number in range(1, TELEPHONES + 1)]
    expected = expect_texts(people)
    subscribers = [{"telephone": person.telephone, "vars": {"name": person.name}} for person in people]
    posted = await post_task(client, "Who wants a text", subscribers, MESSAGE)
    with show_progress(console) as progress:
        await watch_sending(client, posted.task_id, TELEPHONES, progress, "texts sent")
        seconds = monotonic() - posted.at
        messages = await client.all_messages("sms")
        report = await watch_counting(client, posted.task_id, expected, {}, progress, shown="delivered")
    show_report(console, "SMS", report, seconds)
    console.print(
        "Six of these numbers end in what the inbox does not deliver: five receipts say so, and one never comes.\n"
    )
    task = await client.get(f"/task/{posted.task_id}")
    return [*check_texts(people, messages), *check_text_report(expected, report, task)]
