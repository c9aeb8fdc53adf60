"""What goes wrong, one thing after the other, to services that run: each makes its alerts fire.

Nothing is written in place of a service. Only what takes minutes or hours is not waited for: ``LATER`` moves what
stands in the database back in time, as if that had passed meanwhile.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from shared.bus.in_process import InProcess
from shared.bus.interface import EventEnvelope, PublishFailed
from shared.domain.tokens import TokenKind
from shared.postgres.database import Database
from tests.integration.dispatcher.dispatching import KEYS
from tests.integration.watching.whole import Whole
from tests.sinks.fake_relay import DROP, Action, FakeRelay, Hang, Say, Script, Step
from tests.sinks.receiver import Receiver

GONE: Final = 30  #: people whose mailbox is not there any more
CONNECTIONS: Final = 1  #: to the relay
STALLED: Final = 6  #: tasks, more than there are connections

LATER: Final = {
    "task": "UPDATE task SET scheduledtime = scheduledtime - interval '10 minutes' WHERE NOT started",
    "batch": "UPDATE batch SET due_at = due_at - interval '10 minutes', leased_until = '-infinity'"
    " WHERE NOT done AND owner IS NULL",
    "job": "UPDATE job SET cdate = cdate - interval '2 hours'",
    "event": "UPDATE event SET recorded_at = recorded_at - interval '10 minutes'",
    "segment": "UPDATE segment SET recorded_at = recorded_at - interval '10 minutes'",
    "call": "UPDATE callback_window SET first_ms = first_ms - 600000 WHERE state = 'waiting'",
}


class LameBus(InProcess):
    """Takes hints; and events until it is ``away``."""

    away = False

    async def publish(self, envelopes: Sequence[EventEnvelope]) -> None:
        if self.away:
            raise PublishFailed("the broker is away")
        await super().publish(envelopes)


@dataclass
class Scene:
    """Where it happens. ``lists`` and ``messages``: their ids by name. ``stack``: what lasts as long as it."""

    stack: AsyncExitStack
    whole: Whole
    owner: Database
    bus: LameBus
    relay: FakeRelay
    endpoint: Receiver
    lists: dict[str, int]
    messages: dict[str, int]

    async def send(self, to: str, message: str = "email", **given: Any) -> int:
        """A task that is due; its id."""
        wish = {"channel": message, "name": "n", "list_id": self.lists[to], "message_id": self.messages[message]}
        return int((await self.whole.call("POST", "/task", {**wish, "scheduledtime": 0, **given}))["id"])

    async def send_campaign(self) -> None:
        wish = {"name": "c", "list": self.lists["one"], "domain": 1, "event_callback": self.endpoint.url}
        campaign = (await self.whole.call("POST", "/campaign", wish))["id"]
        payload = {"channel": "email", "message_id": self.messages["email"]}
        await self.whole.call("POST", f"/campaign/{campaign}/payload", payload)
        await self.whole.call("PUT", f"/campaign/{campaign}", {"when": 0, "state": "SCHEDULED"})

    async def later(self, what: str) -> None:
        await self.owner.execute(LATER[what])

    async def open(self) -> int:
        """The first reader of the first task does; the status that he is answered with."""
        async with self.whole.session.get(f"{self.whole.tracker.url}/o/{KEYS.web(1, 0, TokenKind.OPEN)}") as answer:
            return answer.status

    async def until(self, statement: str) -> None:
        """It finds something. Raises TimeoutError."""
        async with asyncio.timeout(60):
            while not await self.owner.fetch_value(f"SELECT EXISTS ({statement})"):
                await asyncio.sleep(0.05)


async def prepare(
    stack: AsyncExitStack, whole: Whole, owner: Database, bus: LameBus, relay: FakeRelay, endpoint: Receiver
) -> Scene:
    """Lists of one and of many, messages, and one task that was sent without any trouble."""
    people = {"one": [{"email": "p@example.com"}], "gone": [{"email": f"gone{n}@example.com"} for n in range(GONE)]}
    people["sms"] = [{"telephone": "+447700900123"}]
    lists = {}
    for name, members in people.items():
        lists[name] = (await whole.call("POST", "/list", {"name": name}))["id"]
        await whole.call("POST", f"/list/{lists[name]}/subscriber", members)
    await whole.call("POST", f"/list/{lists['gone']}/subscriber", people["one"])
    mail = {"channel": "email", "name": "n", "subject": "s", "from_email": "a@example.com", "text": "t"}
    text = {"channel": "sms", "name": "n", "sender": "Shop", "body": "b"}
    messages = {each["channel"]: (await whole.call("POST", "/message", each))["id"] for each in (mail, text)}
    await whole.call("POST", "/domain", {"name": "bounce.example.com", "bouncing": True})
    scene = Scene(stack, whole, owner, bus, relay, endpoint, lists, messages)
    await scene.send("one")
    await scene.until("SELECT FROM task WHERE completed")
    return scene


async def _endpoint_fails(scene: Scene) -> None:
    await scene.send_campaign()


async def _endpoint_does_not_answer(scene: Scene) -> None:
    scene.endpoint.answering = _never
    known = len(scene.endpoint.requests)
    await scene.send_campaign()
    async with asyncio.timeout(60):
        while len(scene.endpoint.requests) == known:
            await asyncio.sleep(0.05)
    await scene.later("call")


async def _never(_: object) -> None:
    return None


def _when(stage: str, action: Action, recipient: bytes = b"") -> Script:
    def script(step: Step) -> Action | None:
        return action if step.stage == stage and recipient in step.argument else None

    return script


async def _mailboxes_are_gone(scene: Scene) -> None:
    """All but one, who is to be tried later, so that there is something to pause."""
    later = _when("rcpt", Say(b"451 4.7.1 try later\r\n"), b"gone0@")
    gone = _when("rcpt", Say(b"550 5.1.1 no such user\r\n"), b"gone")
    scene.relay.script = lambda step: later(step) or gone(step)
    await scene.send("gone")


async def _connection_dies_after_the_dot(scene: Scene) -> None:
    scene.relay.script = _when("dot", DROP)
    await scene.send("one", in_doubt="hold")


async def _relay_stalls(scene: Scene) -> None:
    scene.relay.script = _when("mail", Hang())
    for _ in range(STALLED):
        await scene.send("one")
    # The dispatcher takes as many again as it works at, and then no more.
    held, due = "NOT done AND owner IS NOT NULL", "NOT done AND owner IS NULL AND due_at <= clock_timestamp()"
    await scene.until(
        f"SELECT FROM batch HAVING count(*) FILTER (WHERE {held}) >= {2 * CONNECTIONS}"
        f" AND count(*) FILTER (WHERE {due}) > 0"
    )
    await scene.later("batch")


async def _relay_refuses_us(scene: Scene) -> None:
    scene.relay.script = _when("mail", Say(b"530 5.7.0 authentication required\r\n"))
    for conversation in scene.relay.open_connections:
        conversation.task.cancel()


async def _texts_have_no_gateway(scene: Scene) -> None:
    await scene.send("sms", "sms")
    await scene.later("task")


async def _nobody_works_at_jobs(scene: Scene) -> None:
    await scene.whole.call("POST", "/job", {"job": "import", "list": "one", "emails": "p@example.com"})
    await scene.later("job")


async def _broker_is_away(scene: Scene) -> None:
    scene.bus.away = True
    await scene.send("one")
    await scene.later("event")


async def _broker_hears_of_no_reader(scene: Scene) -> None:
    assert await scene.open() == 200
    await scene.until("SELECT FROM hit_series WHERE kind = 4")
    await scene.later("segment")


async def _newer_version_wrote(scene: Scene) -> None:
    await scene.owner.execute(
        "INSERT INTO segment (shard, task_id, kind, batch, epoch, part, first_ordinal, last_ordinal, ordinals, hits)"
        " SELECT shard, task_id, 99, -1, 1, 1, first_ordinal, last_ordinal, ordinals, hits FROM segment LIMIT 1"
    )
    await scene.later("segment")


async def _hits_cannot_be_written(scene: Scene) -> None:
    await scene.owner.execute("REVOKE INSERT ON segment FROM postroom_service")
    assert await scene.open() == 503


async def _requests_cannot_be_answered(scene: Scene) -> None:
    await scene.owner.execute("REVOKE SELECT ON list FROM postroom_service")
    headers = {"Authorization": f"Bearer {scene.whole.key}"}
    async with scene.whole.session.get(f"{scene.whole.api.url}/list", headers=headers) as answer:
        assert answer.status == 500


async def _transaction_stays_open(scene: Scene) -> None:
    """As long as the scene goes on. What it has written concerns nobody; that it did holds everybody back."""
    connection = await scene.stack.enter_async_context(scene.whole.database.transaction())
    await connection.fetch_value("SELECT pg_current_xact_id()")


async def _database_was_restored(scene: Scene) -> None:
    """As it is noticed when it is on another server than before."""
    await scene.owner.execute("UPDATE store SET held_since = clock_timestamp(), held_why = 'it is on another server'")


@dataclass(frozen=True)
class Fault:
    """``fires``: the alerts that tell of it. ``told``: the metric by which it is known that services have seen it, once
    it rises by more than ``least``.
    """

    cause: Callable[[Scene], Awaitable[None]]
    fires: frozenset[str]
    told: str
    least: float


#: In an order in which none is in another's way: what happens, its alerts, what tells of it and by how much at least.
FAULTS: Final = tuple(
    Fault(cause, frozenset(f"Postroom{alert}" for alert in alerts.split()), f"postroom_{told}", least)
    for cause, alerts, told, least in (
        (_endpoint_fails, "CallbacksParked", "callbacks_parked", 0.0),
        (_endpoint_does_not_answer, "CallbacksBehind", "callback_age_seconds", 300.0),
        (_mailboxes_are_gone, "TaskPausedItself MostlyNotTaken", "tasks_paused_total", 0.0),
        (_connection_dies_after_the_dot, "InDoubt", "in_doubt", 0.0),
        (_relay_stalls, "BatchesNotClaimed", "oldest_due_batch_seconds", 300.0),
        (_relay_refuses_us, "TransportBlocked", "transport_blocked", 0.0),
        (_texts_have_no_gateway, "TasksNotStarted", "oldest_due_task_seconds", 120.0),
        (_nobody_works_at_jobs, "JobsWait", "oldest_pending_job_seconds", 3600.0),
        (_broker_is_away, "RelayBehind", "relay_lag_seconds", 60.0),
        (_broker_hears_of_no_reader, "DeliveriesNotPublished", "delivery_relay_lag_seconds", 60.0),
        (_newer_version_wrote, "ProjectorBehind", "projector_lag_seconds", 60.0),
        (_hits_cannot_be_written, "HitsNotStored", "tracker_hits_not_stored_total", 0.0),
        (_requests_cannot_be_answered, "ServerErrors", "http_requests_total", 0.0),
        (_transaction_stays_open, "TailsHeldBack", "tails_held_back_seconds", 5.0),
        (_database_was_restored, "StoreHeld", "store_held", 0.0),
    )
)


@asynccontextmanager
async def used_up(database: Database) -> AsyncIterator[None]:
    """All connections are in use, and somebody waits for one."""
    async with AsyncExitStack() as stack:
        for _ in range(database.use.most):
            await stack.enter_async_context(database.transaction())
        waiting = asyncio.create_task(database.fetch("SELECT 1"))
        async with asyncio.timeout(10):
            while not database.use.waiting:
                await asyncio.sleep(0.01)
        yield
    await waiting
