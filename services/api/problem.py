"""All that is no success, as ``application/problem+json`` (RFC 9457): one table from a decided no to a status."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from shared.domain.refusal import Because, Fault, Refused

CONTENT_TYPE: Final = "application/problem+json"
RETRY_SECONDS: Final = 2  #: when a client that was turned away for want of a resource may come again

_COME_AGAIN: Final = {"Retry-After": str(RETRY_SECONDS)}
_STATUS: Final[Mapping[Because, int]] = {
    "invalid": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "not found": 404,
    "conflict": 409,
    "gone": 410,
    "unavailable": 503,
}


@dataclass(frozen=True, slots=True)
class Problem:
    status: int
    detail: str = ""
    faults: Sequence[Fault] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    resource_id: int | None = None  #: see Refused
    code: int | None = None  #: see Refused

    @property
    def sentence(self) -> str:
        return self.detail or "; ".join(_sentence(fault) for fault in self.faults)

    def body(self) -> dict[str, object]:
        """The members of RFC 9457, and ``errors`` with every fault at once."""
        return {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.sentence,
            "errors": [{"field": fault.field, "message": fault.message} for fault in self._told()],
        }

    def _told(self) -> Sequence[Fault]:
        # Whoever reads nothing but errors finds the reason there, too.
        return self.faults or (Fault("", self.detail),)


def _sentence(fault: Fault) -> str:
    return f"{fault.field}: {fault.message}" if fault.field else fault.message


def from_refusal(refused: Refused) -> Problem:
    headers = _COME_AGAIN if refused.because == "unavailable" else {}
    return Problem(_STATUS[refused.because], "", refused.faults, headers, refused.resource_id, refused.code)


def invalid(faults: Sequence[Fault]) -> Problem:
    return Problem(400, faults=faults)


def not_found() -> Problem:
    return Problem(404, "there is no such resource")


def method_not_allowed(allowed: Sequence[str]) -> Problem:
    allow = ", ".join(allowed)
    return Problem(405, f"this resource knows {allow}", headers={"Allow": allow})


def unauthorized() -> Problem:
    return Problem(401, "a valid key is needed", headers={"WWW-Authenticate": 'Bearer realm="postroom"'})


def forbidden(role: str) -> Problem:
    return Problem(403, f"a {role} may not do this")


def too_large(limit: int) -> Problem:
    return Problem(413, f"the body may have at most {limit} bytes")


def unsupported(what: str) -> Problem:
    return Problem(415, what)


def conflict(detail: str) -> Problem:
    return Problem(409, detail)


def unavailable(detail: str) -> Problem:
    return Problem(503, detail, headers=_COME_AGAIN)


def unexpected() -> Problem:
    return Problem(500, "something unexpected happened; it was logged")
