"""``/job``: parse, handle, answer."""

from typing import Final

from services.api.operation import MEBIBYTE, WRITERS, Answer, Api, Call, Operation
from services.api.resources.job import read
from services.api.resources.job.given import MISSING, MOST_UPLOADED, OTHER
from services.api.resources.job.post_job import post_job
from services.api.resources.job.registry import TYPES
from services.api.resources.job.schema import JOB_BODY, CreatedJob, JobAnswer, JobQuery, RefusedJob
from shared.domain.job_answer import answer_of
from shared.domain.refusal import Fault, Refused

#: Of a body: the largest file, and whatever stands beside it.
MOST_SENT: Final = MOST_UPLOADED + MEBIBYTE


async def get_job(api: Api, call: Call[JobQuery, None]) -> Answer | Refused:
    job_id = call.query.job_id
    if not job_id:
        return Refused("invalid", (Fault("job_id", "Missing required parameter: job_id"),), code=MISSING)
    found = await read.read_job(api.database, call.caller.account_id, job_id)
    if found is None:
        return Refused("not found", (Fault("job_id", "there is no such job"),), code=OTHER)
    kind, facts = found
    roles = TYPES[kind].roles if kind in TYPES else WRITERS
    if call.caller.role not in roles and roles != WRITERS:
        return Refused("forbidden", (Fault("job_id", f"a {call.caller.role} may not see this"),), code=OTHER)
    return Answer(answer_of(facts, api.now()))


OPERATIONS = (
    Operation(
        "GET",
        "/job",
        "What has become of a job",
        get_job,
        JobAnswer,
        query=JobQuery,
        refusals=(404,),
        refusal=RefusedJob,
    ),
    Operation(
        "POST",
        "/job",
        "Start a job: an import, an update, an export or a report",
        post_job,
        CreatedJob,
        body=JOB_BODY,
        refusals=(404, 409, 413, 415),
        roles=WRITERS,
        limit=MOST_SENT,
        refusal=RefusedJob,
    ),
)
