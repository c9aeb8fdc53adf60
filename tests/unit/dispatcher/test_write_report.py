"""The mail that a job has ended: what it says, and that it says it the same way each time."""

from dataclasses import replace
from email import message_from_bytes
from email.policy import default

import pytest

from services.dispatcher.decisions.write_report import MOST_ERRORS, write_report
from shared.domain.identifiers import Instant
from shared.domain.job_answer import JobFacts

NOON = Instant(1_795_521_600.0)  # 24 November 2026, 12:00 UTC
ERRORS = [{"line": line, "message": "is not an email address"} for line in range(1, 41)]


DONE = JobFacts(
    "65536f2a",
    "Import: Café",
    "completed",
    started_at=NOON,
    ended_at=Instant(NOON + 60),
    reason=None,
    progress=1.0,
    rows=40,
    rows_failed=0,
    errors=[],
    result={},
)


def with_faults(failed: int) -> JobFacts:
    return replace(DONE, rows_failed=failed, errors=ERRORS[:failed])


def text_of(job: JobFacts) -> str:
    mail = message_from_bytes(write_report(job, "post@example.com", "ada@example.org", NOON), policy=default)
    assert (mail["From"], mail["To"], mail["Auto-Submitted"]) == (
        "post@example.com",
        "ada@example.org",
        "auto-generated",
    )
    return f"{mail['Subject']}\n{mail.get_content()}".replace("\r\n", "\n")


def test_what_was_done_is_told() -> None:
    assert text_of(DONE).splitlines() == [
        "Import: Café: completed",
        "Import: Café: completed.",
        "",
        "Job: 65536f2a",
        "Started: Tue, 24 Nov 2026 12:00:00 +0000",
        "Ended: Tue, 24 Nov 2026 12:01:00 +0000",
        "Rows: 40, of which 0 failed",
    ]


def test_a_job_that_never_began_tells_why() -> None:
    told = text_of(
        replace(DONE, status="error", started_at=None, ended_at=None, reason="the list is gone")
    ).splitlines()

    assert told[0] == "Import: Café: failed"
    assert told[3:] == ["Job: 65536f2a", "Rows: 40, of which 0 failed", "Reason: the list is gone"]


@pytest.mark.parametrize(("failed", "cut"), [(1, False), (MOST_ERRORS, False), (MOST_ERRORS + 1, True), (40, True)])
def test_the_first_bad_lines_are_told_and_that_there_are_more(failed: int, cut: bool) -> None:
    told = text_of(with_faults(failed)).splitlines()

    assert told.count("line 1: is not an email address") == 1
    assert sum(line.startswith("line ") for line in told) == min(failed, MOST_ERRORS)
    assert (told[-1] == "...") is cut


def test_it_is_the_same_octets_each_time() -> None:
    first, second = (write_report(with_faults(3), "post@example.com", "ada@example.org", NOON) for _ in range(2))

    assert first == second
