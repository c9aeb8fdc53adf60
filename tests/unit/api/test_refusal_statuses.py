"""Each kind of refusal has a status of its own, and the problem names the field."""

import pytest

from services.api.problem import from_refusal
from shared.domain.refusal import Fault, Refused


@pytest.mark.parametrize(
    ("refused", "status"),
    [
        (Refused.invalid(Fault("after", "no")), 400),
        (Refused.not_found("no"), 404),
        (Refused.gone("no", "after"), 410),
        (Refused.unavailable("no"), 503),
    ],
    ids=["invalid", "not found", "gone", "unavailable"],
)
def test_a_refusal_has_its_status(refused: Refused, status: int) -> None:
    problem = from_refusal(refused)

    assert problem.status == status
    assert [fault.message for fault in problem.faults] == ["no"]
    assert ("Retry-After" in problem.headers) == (status == 503)
