"""docs/reference/errors.md: every status of a refusal, and which operation gives which, by the table of operations."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from services.api.app import OPERATIONS
from services.api.openapi import ALWAYS
from services.api.operation import Operation
from services.api.resources.job import given
from services.standalone.reference.markdown import page, table

_HEAD: Final = """All that is no success is an `application/problem+json` (RFC 9457): `status`, `title`, `detail`, and
`errors`, a list of `{"field", "message"}` that names every fault at once; `field` is empty where it concerns the whole.
The dialects of other services word it as their clients read it: see [Sign-Up.to](signupto.md), and [below](#job) for
`/job`. A program decides by `status`, and by `field` where it must; messages are for people and may change."""

#: When, and what to do.
MEANINGS: Final[Mapping[int, str]] = {
    400: "The request is wrong, and stays wrong. `errors` says where.",
    401: "No key, or one that is revoked.",
    403: "The key's role may not do this.",
    404: "There is no such thing in this account, or none that this key may see.",
    405: "The path is right, the method is not; `Allow` names those that are.",
    408: "The body came too slowly.",
    409: "The request is right, but not now: the state of what it concerns is in its way, or an `Idempotency-Key` came "
    "with another body before.",
    410: "What is asked for was there once and is not kept any more: begin without a cursor.",
    413: "The body is too large; `detail` says how large it may be.",
    415: "A `Content-Type` that this operation does not take, or a `Content-Encoding`.",
    429: "Too many requests of this key: again after `Retry-After` seconds.",
    500: "A fault of Postroom's own. It is in the log.",
    503: "Postgres or the service is not able just now: again after `Retry-After` seconds. A POST with an "
    "`Idempotency-Key` is safe to repeat, whatever became of the first.",
}
_OF_JOBS: Final = """## /job

Answers `{"error": …, "errormsg": …}`, with a status as above."""
#: The numbers of refusals that existing clients of ``/job`` know.
CODES: Final[Mapping[int, str]] = {
    given.UNSUPPORTED: "A method that `/job` does not know",
    given.MISSING: "A parameter is missing or wrong",
    given.UNKNOWN_KEY: "An unknown key",
    given.BAD_SIGNATURE: "The signature is wrong",
    given.UNEXPECTED: "A fault of Postroom's own",
    given.UNKNOWN_CAMPAIGN: "There is no such campaign",
    given.UNKNOWN_LIST: "There is no such list",
    given.BAD_DATE: "A date that cannot be read",
    given.TOO_MANY: "Too many requests",
    given.OTHER: "Anything else; `errormsg` says what",
}
_BY_OPERATION: Final = f"""## By operation

Every operation may answer {", ".join(map(str, ALWAYS))}, and 408, 413 and 415 where it takes a body. Beside these:"""


def errors_page() -> str:
    statuses = [[str(status), HTTPStatus(status).phrase, MEANINGS[status]] for status in sorted(MEANINGS)]
    return page(
        "Errors",
        _HEAD,
        table(["status", "", "when"], statuses),
        _OF_JOBS,
        table(["error", "when"], [[str(code), meaning] for code, meaning in sorted(CODES.items())]),
        _BY_OPERATION,
        table(["operation", "", "refusals"], _operations()),
    )


def _operations() -> Iterator[list[str]]:
    for operation in sorted(OPERATIONS, key=lambda each: each.path):
        beside = _beside(operation)
        if beside:
            yield [f"`{operation.method} {operation.path}`", operation.summary, ", ".join(map(str, beside))]


def _beside(operation: Operation[Any, Any]) -> list[int]:
    return sorted({*operation.refusals} - {*ALWAYS, 408, 413, 415})
