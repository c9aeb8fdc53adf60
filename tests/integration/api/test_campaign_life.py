"""Whatever wishes come in whatever order: the running service does with a campaign what a plain model of it does."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from services.dispatcher.campaigns.move import move_campaigns
from shared.domain.task import ChangeTask, CompleteTask, FreezeAudience, StartTask
from shared.event_store.handle_command import Handler
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.postgres.ids import Ids
from shared.runtime import clock
from tests.integration.api.campaign_model import Model
from tests.integration.api.conftest import LATER, NOW_DUE, Client, Ready, Reply, drive

TIMES: Final = {"past": NOW_DUE, "late": LATER, None: None}
URL: Final = "https://93.184.216.34/events"
STATES: Final = ("DRAFT", "SCHEDULED", "READY", "SENDING", "DONE", "ERROR")
COMMANDS: Final[dict[str, tuple[Any, ...]]] = {
    "DONE": (StartTask(1), FreezeAudience(0, {}), CompleteTask()),
    "ERROR": (ChangeTask(frozenset({"cancelled"}), cancelled=True),),
}


Waited = TypeVar("Waited")


@dataclass
class World:
    """What the machine, in a thread of its own, does in the loop of the service."""

    loop: asyncio.AbstractEventLoop
    client: Client
    database: Database
    list_id: int
    domains: dict[str | None, int | None]
    messages: dict[str, int]

    def call(self, method: str, path: str, body: Any = None) -> Reply:
        return self.wait(self.client.send(method, path, body))

    def wait(self, coroutine: Coroutine[Any, Any, Waited]) -> Waited:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)


class Life(RuleBasedStateMachine):
    world: World

    @initialize(state=st.sampled_from(STATES), bare=st.booleans())
    def begins(self, state: str, bare: bool) -> None:
        """In DRAFT, or as far as it comes by itself; of every second draft nothing is in place."""
        made = self.world.call("POST", "/campaign", {"name": "first", "list": self.world.list_id})
        self.model, self.path, self.payloads = Model(), f"/campaign/{made.json['id']}", dict[str, int]()
        if bare and state == "DRAFT":
            return
        self.gets_a_time("past")
        self.gets_a_domain("bouncing")
        self.gets_a_payload("email")
        for step in STATES[1 : STATES.index(state) + 1]:
            if step in ("SCHEDULED", "READY"):
                self.moves(step)
            if step == "SENDING":
                self.is_looked_at()
            self.is_what_the_model_is()
        if state in COMMANDS:
            self.has_its_tasks_ended(state)
            self.is_looked_at()

    def put(self, expected: int, **change: Any) -> None:
        assert self.world.call("PUT", self.path, change).status == expected, (self.model, change)

    @rule(state=st.sampled_from(STATES))
    def moves(self, state: str) -> None:
        self.put(self.model.move(state), state=state)

    @rule(back=st.sampled_from((False, False, True)))
    def walks(self, back: bool) -> None:
        """One step on the way to READY, or to and fro on it."""
        here = STATES.index(self.model.state)
        self.moves(STATES[max(here - 1, 0) if back else min(here + 1, 2)])

    @rule(name=st.sampled_from(("first", "second")))
    def is_renamed(self, name: str) -> None:
        self.put(self.model.rename(name), name=name)

    @rule(when=st.sampled_from(("past", "past", "late", None)))
    def gets_a_time(self, when: str | None) -> None:
        self.put(self.model.set_when(when), when=TIMES[when])

    @rule(domain=st.sampled_from(("bouncing", "bouncing", "deaf", None)))
    def gets_a_domain(self, domain: str | None) -> None:
        self.put(self.model.set_domain(domain), domain=self.world.domains[domain])

    @rule(called=st.booleans())
    def gets_a_callback(self, called: bool) -> None:
        self.model.callback = called
        self.put(200, event_callback=URL if called else None)

    @rule(channel=st.sampled_from(("email", "sms")))
    def gets_a_payload(self, channel: str) -> None:
        wish = {"channel": channel, "message_id": self.world.messages[channel]}
        added = self.world.call("POST", f"{self.path}/payload", wish)
        assert added.status == self.model.add_payload(channel), self.model
        if added.status == 201:
            self.payloads[channel] = added.json["id"]

    @rule(channel=st.sampled_from(("email", "sms")))
    def loses_a_payload(self, channel: str) -> None:
        path = f"{self.path}/payload/{self.payloads.get(channel, 999_999)}"
        expected = self.model.remove_payload(channel)
        assert self.world.call("DELETE", path).status == expected, self.model
        if expected == 200:
            del self.payloads[channel]

    @rule(state=st.sampled_from(STATES))
    def is_removed(self, state: str) -> None:
        """Another one takes its place."""
        expected = self.model.remove()
        assert self.world.call("DELETE", self.path).status == expected, self.model
        if expected == 200:
            assert self.world.call("GET", self.path).status == 404
            self.begins(state, bare=False)

    @rule()
    def is_looked_at(self) -> None:
        self.model.time_passes()
        database = self.world.database
        handler = Handler(PostgresEventStore(database), clock.now)
        self.world.wait(move_campaigns(database, handler, Ids(database)))

    @rule(outcome=st.sampled_from(tuple(COMMANDS)))
    def has_its_tasks_ended(self, outcome: str) -> None:
        if self.model.tasks_end(outcome):
            store = PostgresEventStore(self.world.database)
            for task_id in self.world.call("GET", self.path).json["tasks"]:
                self.world.wait(drive(store, task_id, *COMMANDS[outcome]))

    @invariant()
    def is_what_the_model_is(self) -> None:
        found, model = self.world.call("GET", self.path).json, self.model
        shown = {
            "state": model.state,
            "name": model.name,
            "when": TIMES[model.when],
            "domain": self.world.domains[model.domain],
            "event_callback": URL if model.callback else None,
        }
        assert {name: found[name] for name in shown} == shown, model
        assert {each["channel"] for each in found["payloads"]} == model.payloads
        assert len(found["tasks"]) == model.tasks
        assert (found["error"] is not None) == model.has_error, found


async def test_the_service_does_what_the_model_does(
    client: Client, ready: Ready, domain: int, database: Database
) -> None:
    """40 lives of 30 steps."""
    deaf = (await client.post("/domain", {"name": "deaf.example.com"})).json["id"]
    wish = {"channel": "sms", "name": "T", "sender": "Acme", "body": "Hi"}
    text = (await client.post("/message", wish)).json["id"]

    class ThisLife(Life):
        world = World(
            asyncio.get_running_loop(),
            client,
            database,
            ready.list_id,
            {"bouncing": domain, "deaf": deaf, None: None},
            {"email": ready.message_id, "sms": text},
        )

    steps = settings(max_examples=40, stateful_step_count=30, deadline=None)
    await asyncio.to_thread(run_state_machine_as_test, ThisLife, settings=steps)
