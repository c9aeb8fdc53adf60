"""Jobs, as requests and answers spell them. What a POST says is read by name (``given``), type by type."""

from typing import Final, Literal, NotRequired

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from services.api.body import FORM, JSON, Body
from services.api.fields import RequestModel, Sought
from services.api.resources.job.given import Given
from shared.domain.job import KINDS, Status
from shared.domain.refusal import Fault

MULTIPART: Final = "multipart/form-data"


class JobQuery(RequestModel):
    job_id: Sought | None = None


class NewJob(RequestModel):
    """What every type takes; the others are those of its type."""

    model_config = ConfigDict(extra="allow")

    job: str = Field(json_schema_extra={"enum": [*KINDS]})
    report_email: str | None = None
    postback_url: str | None = None


class CreatedJob(TypedDict):
    job_id: str
    name: str
    status: Status


class RowError(TypedDict):
    line: int
    message: str


class JobAnswer(TypedDict):
    """``progress`` in percent. ``errors``: of the first 100 rows that failed. Besides, what its type tells."""

    job_id: str
    status: Status
    name: str
    start_time: NotRequired[str]
    end_time: NotRequired[str]
    progress: int
    rows: int
    rows_failed: int
    errors: list[RowError]
    errormsg: NotRequired[str]
    export_url: NotRequired[str]
    expired: NotRequired[Literal[True]]


class RefusedJob(TypedDict):
    """``error``: as the existing clients know them: 2 a parameter is missing or wrong, 3 unknown key, 5 bad signature,
    13 unknown campaign, 15 unknown list, 18 bad date, 43 too many requests, 99 anything else.
    """

    error: int
    errormsg: str


def _read(_: str, __: bytes) -> Given | list[Fault]:
    """Never asked: whoever signs in here is known by what the body says, so it is read before."""
    return []


JOB_BODY: Final[Body[Given]] = Body({JSON: NewJob, FORM: NewJob, MULTIPART: NewJob}, _read)
