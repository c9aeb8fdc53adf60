"""Tasks, campaigns and jobs live through whatever is asked of them, legal or not, in any order, as plain models say."""

import asyncio
import base64
import random
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar

import aiohttp
import pytest
from hypothesis import seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from services.api.app import start_api
from services.api.keys import create_key
from shared.bus.in_process import InProcess
from shared.domain.identifiers import job_stream
from shared.domain.job import CompleteJob, FailJob, StartJob
from shared.domain.refusal import Refused
from shared.domain.task import CompleteTask, FreezeAudience, PauseTask, StartTask
from shared.event_store.handle_command import Handler
from shared.event_store.interface import Actor
from shared.event_store.on_postgres import PostgresEventStore
from shared.event_store.read_models.job import JOBS
from shared.object_store.in_folder import InFolder
from shared.postgres.database import Database
from shared.runtime import clock
from shared.runtime.settings import read_settings
from tests.faults.measured import Measured
from tests.faults.world import SECRET
from tests.integration.api.conftest import LATER, Client, Ready, Reply, drive, make_ready
from tests.integration.api.test_campaign_life import Life as CampaignLife
from tests.integration.api.test_campaign_life import World as CampaignWorld
from tests.integration.jobs.hand_worked import add_job, tools_with

LIVES, STEPS = 6, 20  #: of each kind, in a round
#: What dispatcher and tracker ask of a task.
MOVES: Final = {"starts": StartTask(1), "freezes": FreezeAudience(3, {}), "completes": CompleteTask()}
HARM: Final = PauseTask("bounces", "too many bounces")

Waited = TypeVar("Waited")


@dataclass
class World:
    """What a machine, in a thread of its own, does in the loop of the service. ``steps``: how many were taken."""

    loop: asyncio.AbstractEventLoop
    client: Client
    database: Database
    ready: Ready
    steps: int = 0

    def call(self, method: str, path: str, body: Any = None) -> Reply:
        self.steps += 1
        return self.wait(self.client.send(method, path, body))

    def wait(self, coroutine: Coroutine[Any, Any, Waited]) -> Waited:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)


@dataclass
class TaskModel:
    """As the contract tells it. ``overruled``: somebody went on after it had paused itself for harm."""

    stage: str = "scheduled"
    name: str = "first"
    paused: bool = False
    by_harm: bool = False
    overruled: bool = False

    @property
    def over(self) -> bool:
        return self.stage in ("completed", "cancelled")

    def change(self, *, name: str | None = None, cancelled: bool | None = None, paused: bool | None = None) -> int:
        """The status; nothing changes unless it is 200."""
        impossible = (
            (cancelled is True and self.stage == "completed")
            or (cancelled is False and self.stage == "cancelled")
            or (paused is True and self.over)
            or (name not in (None, self.name) and self.stage != "scheduled")
        )
        if impossible:
            return 409
        self.name = name or self.name
        if cancelled and self.stage != "cancelled":
            self.stage, self.paused, self.by_harm = "cancelled", False, False
        elif paused is True and not self.paused:
            self.paused = True
        elif paused is False and self.paused:
            self.overruled = self.overruled or self.by_harm
            self.paused, self.by_harm = False, False
        return 200

    def move(self, move: str) -> None:
        """What cannot be is left undone."""
        if move == "starts" and self.stage == "scheduled" and not self.paused:
            self.stage = "freezing"
        elif move == "freezes" and self.stage == "freezing":
            self.stage = "sending"
        elif move == "completes" and self.stage == "sending":
            self.stage, self.paused, self.by_harm = "completed", False, False

    def harm(self) -> None:
        if not self.over and not self.paused and not self.overruled:
            self.paused = self.by_harm = True


class TaskLife(RuleBasedStateMachine):
    world: ClassVar[World]

    @initialize()
    def begins(self) -> None:
        made = self.world.call("POST", "/task", self.world.ready.task(name="first", scheduledtime=LATER))
        assert made.status == 201
        self.number, self.model = made.json["id"], TaskModel()

    def put(self, expected: int, **change: Any) -> None:
        answer = self.world.call("PUT", f"/task/{self.number}", change)
        assert answer.status == expected, (self.model, change, answer.data)

    @rule(cancelled=st.sampled_from((True, False, False)))
    def is_cancelled_or_not(self, cancelled: bool) -> None:
        self.put(self.model.change(cancelled=cancelled), cancelled=cancelled)

    @rule(paused=st.booleans())
    def is_paused_or_goes_on(self, paused: bool) -> None:
        self.put(self.model.change(paused=paused), paused=paused)

    @rule(name=st.sampled_from(("first", "second")))
    def is_renamed(self, name: str) -> None:
        self.put(self.model.change(name=name), name=name)

    @rule(name=st.sampled_from(("first", "second")), paused=st.booleans())
    def is_changed_in_two_ways(self, name: str, paused: bool) -> None:
        """Both or neither."""
        self.put(self.model.change(name=name, paused=paused), name=name, paused=paused)

    @rule(move=st.sampled_from(tuple(MOVES)))
    def is_moved(self, move: str) -> None:
        self.model.move(move)
        self.world.wait(drive(PostgresEventStore(self.world.database), self.number, MOVES[move]))

    @rule()
    def does_harm(self) -> None:
        self.model.harm()
        self.world.wait(drive(PostgresEventStore(self.world.database), self.number, HARM))

    @invariant()
    def is_what_the_model_is(self) -> None:
        found = self.world.call("GET", f"/task/{self.number}").json
        shown = {
            "name": self.model.name,
            "paused": self.model.paused,
            "cancelled": self.model.stage == "cancelled",
            "completed": self.model.stage == "completed",
        }
        assert {name: found[name] for name in shown} == shown, self.model
        assert (found["endtime"] is not None) == self.model.over


@dataclass
class JobModel:
    """Once it has an end it keeps that."""

    status: str = "pending"

    def end(self, how: str) -> None:
        if self.status == "pending":
            self.status = how


JOB_MOVES: Final[dict[str, Any]] = {
    "starts": StartJob(),
    "completed": CompleteJob(3, 0),
    "error": FailJob("for the test"),
}


class JobLife(RuleBasedStateMachine):
    world: ClassVar[World]

    @initialize()
    def begins(self) -> None:
        """Posted as the API stores it, and taken by nobody."""
        tools = tools_with(self.world.database, InFolder(Path("unused")))
        self.number = self.world.wait(add_job(tools, "import", {"list": "Main"}))
        self.model = JobModel()

    @rule(move=st.sampled_from(tuple(JOB_MOVES)))
    def is_moved(self, move: str) -> None:
        handler = Handler(PostgresEventStore(self.world.database), clock.now)
        self.world.wait(handler.handle(JOBS, job_stream(self.number), JOB_MOVES[move], Actor(1, 10)))
        self.world.steps += 1
        if move != "starts":
            self.model.end(move)

    @invariant()
    def is_what_the_model_is(self) -> None:
        ends = "SELECT count(*) FROM event WHERE stream = $1 AND type IN ('job.completed', 'job.failed')"
        found = self.world.wait(self.world.database.fetch_value("SELECT status FROM job WHERE id = $1", self.number))
        assert found == self.model.status
        ended = self.world.wait(self.world.database.fetch_value(ends, job_stream(self.number)))
        assert ended == (self.model.status != "pending")


class CountingWorld(CampaignWorld):
    steps = 0

    def call(self, method: str, path: str, body: Any = None) -> Reply:
        self.steps += 1
        return super().call(method, path, body)


@asynccontextmanager
async def api_on(database: Database, database_url: str, folder: Path) -> AsyncIterator[Client]:
    """An API alone, and who calls it: nothing moves that is not moved by the test."""
    environment = {
        "POSTROOM_DATABASE_URL": database_url,
        "POSTROOM_BUS_URL": "inprocess:",
        "POSTROOM_SECRET": base64.b64encode(SECRET).decode(),
        "POSTROOM_API_PORT": "0",
        "POSTROOM_DNS_CHECK": "off",
        "POSTROOM_OBJECT_STORE_URL": f"file://{folder}",
    }
    store, bus = PostgresEventStore(database), InProcess()
    running = await start_api(read_settings(environment, frozenset()), database, store, bus)
    made = await create_key(database, store, (SECRET,), "acme", "ann", "admin", "test")
    assert not isinstance(made, Refused)
    try:
        async with aiohttp.ClientSession() as session:
            yield Client(running.url, session, made["key"])
    finally:
        await running.stop()
        await bus.close()


async def campaign_world(client: Client, database: Database, ready: Ready) -> CountingWorld:
    takes = (await client.post("/domain", {"name": "bounce.example.com", "bouncing": True})).json["id"]
    deaf = (await client.post("/domain", {"name": "deaf.example.com"})).json["id"]
    wish = {"channel": "sms", "name": "T", "sender": "Acme", "body": "Hi"}
    text = (await client.post("/message", wish)).json["id"]
    domains = {"bouncing": takes, "deaf": deaf, None: None}
    messages = {"email": ready.message_id, "sms": text}
    return CountingWorld(asyncio.get_running_loop(), client, database, ready.list_id, domains, messages)


@pytest.mark.timeout(120)
@pytest.mark.fault("F32", "whatever is asked of tasks, campaigns and jobs, in any order", expects="as the model says")
async def test_lives_are_as_the_models_say(
    database_url: str, tmp_path: Path, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """Over HTTP, on a real database; what the other services ask is asked through the same decisions."""
    database = await Database.connect(database_url)
    steps = settings(max_examples=LIVES * rounds, stateful_step_count=STEPS, deadline=None, database=None)
    async with api_on(database, database_url, tmp_path) as client:
        ready = await make_ready(client)
        world = World(asyncio.get_running_loop(), client, database, ready)
        of_campaigns = await campaign_world(client, database, ready)
        for life, its_world in ((TaskLife, world), (JobLife, world), (CampaignLife, of_campaigns)):
            mine = type(life.__name__, (life,), {"world": its_world})
            seed(dice.getrandbits(32))(mine)
            await asyncio.to_thread(run_state_machine_as_test, mine, settings=steps)
    await database.close()

    measured.add(moves=world.steps + of_campaigns.steps, differences=0, rounds=rounds)
