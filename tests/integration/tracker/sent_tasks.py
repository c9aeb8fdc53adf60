"""Tasks that are being sent, made by the same commands as anywhere, without an API or a dispatcher."""

from collections.abc import Sequence

from shared.domain import message, task
from shared.domain.identifiers import AccountId, Instant, ListId, MessageId, TaskId, UserId, message_stream, task_stream
from shared.event_store.handle_command import Done, Handler
from shared.event_store.interface import Actor, EventStore
from shared.event_store.read_models.message import MESSAGES
from shared.event_store.read_models.task import TASKS

ADA = Actor(account_id=1, user_id=1)
NOON = Instant(1_800_000_000.0)
LINKS = ("https://shop.example/sale?from=mail", "http://shop.example/%7Eada/ä")


async def create_message(store: EventStore, message_id: int, links: Sequence[str] = LINKS) -> None:
    create = message.CreateMessage(
        message_id=MessageId(message_id),
        account_id=AccountId(1),
        user_id=UserId(1),
        channel="email",
        name="Sale",
        content={"subject": "Sale"},
        links=tuple(links),
    )
    done = await Handler(store, lambda: NOON).handle(MESSAGES, message_stream(message_id), create, ADA)
    assert isinstance(done, Done)


async def send_task(
    store: EventStore, task_id: int, recipients: int | None, list_id: int | None = 1, message_id: int = 1
) -> None:
    """A task in the middle of sending; ``recipients`` None: its audience is still being frozen; no list: a search."""
    create = task.CreateTask(
        task_id=TaskId(task_id),
        account_id=AccountId(1),
        user_id=UserId(1),
        channel="email",
        name="Sale",
        message_id=MessageId(message_id),
        message_channel="email",
        list_id=None if list_id is None else ListId(list_id),
        search_id=1 if list_id is None else None,
        target_known=True,
        rate=None,
        in_doubt="resend",
        scheduledtime=NOON,
        size=recipients or 0,
    )
    await carry_out(store, task_id, create)
    await carry_out(store, task_id, task.StartTask(message_version=1))
    if recipients is not None:
        await carry_out(store, task_id, task.FreezeAudience(recipients, {}))


async def cancel_task(store: EventStore, task_id: int) -> None:
    await carry_out(store, task_id, task.ChangeTask(frozenset({"cancelled"}), cancelled=True))


async def events_of(store: EventStore, task_id: int) -> list[str]:
    return [recorded.type for recorded in await store.read_stream(task_stream(task_id))]


async def carry_out(store: EventStore, task_id: int, command: task.Command) -> None:
    done = await Handler(store, lambda: NOON).handle(TASKS, task_stream(task_id), command, ADA)
    assert isinstance(done, Done)
