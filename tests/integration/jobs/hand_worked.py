"""Jobs worked on by hand, step by step, by a process that may die between any two things it does."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ParamSpec, TypeVar

from services.dispatcher.jobs.held_job import HeldJob, read_held
from services.dispatcher.jobs.statements import STATEMENTS
from services.dispatcher.jobs.work import JobTools, Outcome, Work
from shared.domain.egress import EgressRules
from shared.domain.identifiers import AccountId
from shared.domain.job import CreateJob, Kind
from shared.domain.job_id import write_job_id
from shared.egress.client import EgressClient
from shared.event_store.handle_command import Handler
from shared.event_store.interface import Actor
from shared.event_store.on_postgres import PostgresEventStore
from shared.event_store.read_models.job import JOBS
from shared.object_store.interface import ObjectStore
from shared.postgres.database import Database
from shared.postgres.ids import Ids
from shared.runtime import clock
from shared.suppression.address_hash import AddressHashes

ACCOUNT, USER, OWNER = 1, 10, 77
_SECRET = (b"s" * 32,)
_ADD_ACCOUNT = """
INSERT INTO account (id, name, version, cdate, sailthru_secret, webhook_secret) VALUES ($1, 'a', 1, now(), '', '')
ON CONFLICT DO NOTHING"""
_ADD_WORK = "INSERT INTO job_work (id, account_id, user_id, kind, params) VALUES ($1, $2, $3, $4, $5)"
_LET_GO = "UPDATE job_work SET leased_until = '-infinity'"

Args = ParamSpec("Args")
Result = TypeVar("Result")


def tools_with(database: Database, objects: ObjectStore) -> JobTools:
    return JobTools(
        database=database,
        handler=Handler(PostgresEventStore(database), clock.now),
        ids=Ids(database),
        hashes=AddressHashes(_SECRET),
        egress=EgressClient(EgressRules((), frozenset())),
        secret=_SECRET,
        owner=OWNER,
        now=clock.now,
        monotonic=clock.monotonic,
        random_bytes=clock.random_bytes,
        hint=lambda _: None,
        objects=objects,
        api_url="http://api.example",
        export_seconds=3600.0,
        report_from="jobs@example.com",
        dns_check=False,
    )


async def add_job(tools: JobTools, kind: Kind, params: Mapping[str, Any]) -> int:
    await tools.database.execute(_ADD_ACCOUNT, ACCOUNT)
    number = await tools.ids.next("job_number")
    command = CreateJob(write_job_id(number, tools.now()), AccountId(ACCOUNT), kind, "a job")
    await tools.handler.handle(JOBS, f"job-{number}", command, Actor(ACCOUNT, USER), fresh=True)
    await tools.database.execute(_ADD_WORK, number, ACCOUNT, USER, kind, dict(params))
    return number


async def claim(tools: JobTools) -> HeldJob:
    """The one job there is, as a process finds it that starts now."""
    await tools.database.execute(_LET_GO)
    [row] = await tools.database.fetch(STATEMENTS["claim_job"], tools.owner, 60.0, _KINDS)
    return read_held(row, tools.owner)


_KINDS = ["export_list_data", "blast_query", "blast_save_list"]


class Died(Exception):
    """The process, at this very place."""


@dataclass
class Mortal:
    """Calls that are counted, and at one of which the process dies: before it is made, or after it had its effect."""

    dies_at: int | None = None
    before: bool = True
    calls: int = 0
    deaths: int = 0

    async def call(self, work: Callable[Args, Awaitable[Result]], *args: Args.args, **named: Args.kwargs) -> Result:
        self.calls += 1
        last = self.calls == self.dies_at
        if last and self.before:
            raise Died
        result = await work(*args, **named)
        if last:
            raise Died
        return result


class MortalStore:
    """Passes everything on to a store."""

    def __init__(self, store: ObjectStore, life: Mortal) -> None:
        self._store = store
        self._life = life

    def __getattr__(self, name: str) -> Any:
        work = getattr(self._store, name)

        async def call(*args: Any) -> Any:
            return await self._life.call(work, *args)

        return call


async def work_until_done(tools: JobTools, work: Work, life: Mortal) -> tuple[HeldJob, Outcome]:
    """Whenever the process dies, another one begins with what the database says."""
    mortal = replace(tools, objects=MortalStore(tools.objects, life))
    job = await claim(tools)
    while True:
        try:
            outcome = await life.call(work, mortal, job)
        except Died:
            life.deaths += 1
            job = await claim(tools)
        else:
            if outcome is not None:
                return job, outcome
