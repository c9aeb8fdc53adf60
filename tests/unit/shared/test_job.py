"""The life of a job, its name, and what is told of it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.identifiers import INT63_MAX, AccountId, Instant
from shared.domain.job import (
    CompleteJob,
    CreateJob,
    Event,
    FailJob,
    Job,
    JobCompleted,
    JobCreated,
    JobFailed,
    JobStarted,
    StartJob,
    decide,
    replay,
)
from shared.domain.job_answer import EXPIRES, EXPORT_URL, JobFacts, answer_of
from shared.domain.job_id import read_job_id, write_job_id
from shared.domain.refusal import Refused

NOON = Instant(43_200.0)
LATER = Instant(50_000.0)
ID = write_job_id(7, NOON)
CREATE = CreateJob(ID, AccountId(1), "import", "List Import: Main")
CREATED: list[Event] = [JobCreated(ID, AccountId(1), "import", "List Import: Main", NOON)]
STARTED: list[Event] = [*CREATED, JobStarted(ID, NOON)]
COMPLETED: list[Event] = [*STARTED, JobCompleted(ID, 3, 1, NOON)]
FAILED: list[Event] = [*STARTED, JobFailed(ID, "no", NOON)]


@pytest.mark.parametrize(
    ("history", "command", "events"),
    [
        pytest.param([], CREATE, CREATED, id="it is created"),
        pytest.param(CREATED, CREATE, [], id="once"),
        pytest.param(CREATED, StartJob(), [JobStarted(ID, NOON)], id="somebody begins"),
        pytest.param(STARTED, StartJob(), [], id="who takes over begins nothing"),
        pytest.param(STARTED, CompleteJob(3, 1), [JobCompleted(ID, 3, 1, NOON)], id="it is completed"),
        pytest.param(STARTED, FailJob("no"), [JobFailed(ID, "no", NOON)], id="it fails"),
        pytest.param(CREATED, FailJob("no"), [JobFailed(ID, "no", NOON)], id="before it has begun"),
        *(
            pytest.param(ended, command, [], id=f"{type(ended[-1]).__name__}: it ends once, {type(command).__name__}")
            for ended in (COMPLETED, FAILED)
            for command in (StartJob(), CompleteJob(9, 9), FailJob("again"))
        ),
    ],
)
def test_what_follows(
    history: list[Event], command: CreateJob | StartJob | CompleteJob | FailJob, events: object
) -> None:
    assert decide(replay(history), command, NOON) == events


def test_no_job_does_nothing() -> None:
    assert isinstance(decide(Job(), StartJob(), NOON), Refused)


def test_what_it_then_is() -> None:
    completed, failed = replay(COMPLETED), replay(FAILED)

    assert (completed.status, completed.started_at, completed.ended_at, completed.reason) == (
        "completed",
        NOON,
        NOON,
        None,
    )
    assert (failed.status, failed.reason) == ("error", "no")


@given(st.integers(1, INT63_MAX), st.floats(0, 4e9))
def test_a_name_leads_to_its_number(number: int, made_at: float) -> None:
    name = write_job_id(number, made_at)

    assert len(name) == 24
    assert name == name.lower()
    assert read_job_id(name) == number
    assert write_job_id(1, made_at + 1) > name or int(made_at + 1) == int(made_at)


@pytest.mark.parametrize("text", ["", "x" * 24, "0" * 24, "F" * 24, "f" * 24, "0" * 23, "0" * 23 + "1\n", "٣" * 24])
def test_what_is_no_name(text: str) -> None:
    assert read_job_id(text) is None


FACTS = JobFacts(ID, "List Import: Main", "pending", None, None, None, 0.0, 0, 0, [], {})


def test_one_that_waits_has_no_times() -> None:
    assert answer_of(FACTS, NOON) == {
        "job_id": ID,
        "status": "pending",
        "name": "List Import: Main",
        "progress": 0,
        "rows": 0,
        "rows_failed": 0,
        "errors": [],
    }


def test_one_that_failed_says_why_without_the_word_that_clients_take_for_a_refusal() -> None:
    told = answer_of(replace(FACTS, status="error", started_at=NOON, ended_at=LATER, reason="no"), LATER)

    assert told["errormsg"] == "no"
    assert "error" not in told
    assert (told["start_time"], told["end_time"]) == (
        "Thu, 01 Jan 1970 12:00:00 +0000",
        "Thu, 01 Jan 1970 13:53:20 +0000",
    )


@pytest.mark.parametrize(
    ("progress", "status", "told"), [(0.999, "pending", 99), (1.0, "pending", 99), (0.2, "completed", 100)]
)
def test_only_what_is_completed_is_done_in_full(progress: float, status: str, told: int) -> None:
    facts = replace(FACTS, progress=progress, status=status)  # type: ignore[arg-type]  # one of its words

    assert answer_of(facts, NOON)["progress"] == told


def test_a_file_is_told_until_it_expires() -> None:
    facts = replace(
        FACTS, status="completed", result={EXPORT_URL: "https://a.example/x", EXPIRES: 50_000.0, "list": "Main"}
    )

    before, after = answer_of(facts, NOON), answer_of(facts, LATER)

    assert before[EXPORT_URL] == "https://a.example/x"
    assert "expired" not in before
    assert after["expired"] is True
    assert EXPORT_URL not in after
    assert EXPIRES not in before | after
    assert after["list"] == "Main"
