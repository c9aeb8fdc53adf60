"""As what a single message is suppressed."""

import pytest

from shared.domain.message_class import MessageClass
from shared.domain.notice import Purpose, class_of


@pytest.mark.parametrize(
    ("purpose", "suppressed_as"),
    [
        pytest.param("proof", "marketing", id="a proof, as its message would be"),
        pytest.param("service_proof", "service", id="a proof of a service message, likewise"),
        pytest.param("job_report", "service", id="word that a job has ended"),
        pytest.param("stop_confirmation", None, id="the answer to an opt-out is stopped by no opt-out"),
    ],
)
def test_a_notice_is_suppressed_by_what_it_is_for(purpose: Purpose, suppressed_as: MessageClass | None) -> None:
    assert class_of(purpose) == suppressed_as
