"""``POST /job``: parameters to an order, what it names looked up, and the job with its lines in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from services.api.authenticate import Caller
from services.api.fields import NoQuery
from services.api.operation import Answer, Api, Call
from services.api.resources.job import read
from services.api.resources.job.given import OTHER, UNKNOWN_CAMPAIGN, UNKNOWN_LIST, Given
from services.api.resources.job.job_type import JobType, Order
from services.api.resources.job.registry import ALIASES, TYPES
from services.api.resources.job.schema import CreatedJob
from shared.bus.interface import Hint
from shared.domain.cut_pieces import cut_pieces
from shared.domain.identifiers import AccountId, job_stream
from shared.domain.job import CreateJob, Job
from shared.domain.job_id import write_job_id
from shared.domain.refusal import Because, Fault, Refused
from shared.event_store.interface import Actor, Write
from shared.event_store.read_models.job import JOBS
from shared.runtime import clock
from shared.sealed_urls import seal_credentials
from shared.sealing import NONCE_SIZE, job_key_context, seal

LONGEST_URL: Final = 2_048


async def post_job(api: Api, call: Call[NoQuery, Given]) -> Answer | Refused:
    given = call.content
    named = given.require("job", given.text("job"))
    job_type = TYPES.get(ALIASES.get(named, named)) if named else None
    if job_type is None:
        given.params = {}  # those of a type that nobody knows are not known either
        given.faults = given.faults or [(OTHER, Fault("job", f"there is no type of job {named!r}"))]
        return given.refusal() or Refused.invalid()
    if call.caller.role not in job_type.roles:
        return _refused("forbidden", OTHER, Fault("job", f"a {call.caller.role} may not start this"))
    told = _Told(given.email("report_email"), given.text("postback_url", LONGEST_URL))
    given.now = api.now()
    order = job_type.read(given)
    refused = given.refusal() or await _look_up(api, call.caller.account_id, order, told)
    return refused or await _create(api, call, job_type, order, told)


@dataclass(frozen=True, slots=True)
class _Told:
    """Who is told when it has ended."""

    report_email: str | None
    postback_url: str | None


async def _look_up(api: Api, account_id: int, order: Order, told: _Told) -> Refused | None:
    unknown = await read.unknown_lists(api.database, account_id, order.lists)
    if unknown:
        return _refused("not found", UNKNOWN_LIST, *(Fault("list", f"Unknown list: {name}") for name in unknown))
    campaigns = await read.unknown_campaigns(api.database, account_id, order.campaigns)
    if campaigns:
        return _refused("not found", UNKNOWN_CAMPAIGN, *(Fault("", f"Unknown blast_id: {each}") for each in campaigns))
    faults = [
        Fault(name, refusal)
        for name, url in (("url", order.url), ("postback_url", told.postback_url))
        if url is not None and (refusal := await api.egress.refusal(url))
    ]
    return _refused("invalid", OTHER, *faults) if faults else None


async def _create(api: Api, call: Call[NoQuery, Given], job_type: JobType, order: Order, told: _Told) -> Answer:
    number, caller = await api.ids.next("job_number"), call.caller
    job_id = write_job_id(number, api.now())
    answer = Answer(CreatedJob(job_id=job_id, name=order.name, status="pending"))
    rows = [_work_row(api, call, number, job_type, order, told), *_input_rows(number, order.lines)]
    await api.commands.handle(
        JOBS,
        job_stream(number),
        CreateJob(job_id, AccountId(caller.account_id), job_type.kind, order.name),
        Actor(caller.account_id, caller.user_id),
        fresh=True,
        also=partial(_also, [*rows, *call.remember(answer)]),
    )
    api.hints.send("dispatcher", Hint("job_due", number))
    return answer


def _also(rows: Sequence[Write], _: Job) -> Sequence[Write]:
    return rows


def _work_row(api: Api, call: Call[NoQuery, Given], number: int, job_type: JobType, order: Order, told: _Told) -> Write:
    caller, sealed = call.caller, None
    if told.postback_url is not None:
        sealed = seal(api.secret, job_key_context(number), caller.key.encode(), clock.random_bytes(NONCE_SIZE))
    owner = (number, caller.account_id, caller.user_id, job_type.kind)
    postback_url = _sealed(api, caller, told.postback_url)
    params = dict(order.params)
    if "url" in params:
        params["url"] = _sealed(api, caller, order.url)
    order_row = (params, told.report_email, postback_url, sealed, dict(order.tell))
    return Write(read.QUERIES["add_job_work"], (*owner, *order_row))


def _sealed(api: Api, caller: Caller, url: str | None) -> str | None:
    """With its user and password as only we read them."""
    return None if url is None else seal_credentials(api.secret, caller.account_id, url, clock.random_bytes(NONCE_SIZE))


def _input_rows(number: int, lines: bytes | None) -> list[Write]:
    pieces = cut_pieces(lines) if lines is not None else []
    statement = read.QUERIES["add_input"]
    return [Write(statement, (number, piece.number, piece.first_line, piece.data)) for piece in pieces]


def _refused(because: Because, code: int, *faults: Fault) -> Refused:
    return Refused(because, faults, code=code)
