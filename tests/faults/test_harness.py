"""The harness of fault tests: figures, chances, the page, and the crash points that it strikes at."""

import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from services.dispatcher.channels.crash_channel import with_crash_points
from services.dispatcher.channels.smtp.connection import Connection, Timers
from services.dispatcher.channels.smtp.crash_connection import new_connection
from services.dispatcher.channels.smtp.session import SmtpSession
from shared.runtime import crash_points
from shared.runtime.crash_points import ALLOWED, POINTS, WHERE, read_plan
from tests.faults.conftest import seed_of
from tests.faults.measured import Measured
from tests.faults.reliability_page import Row, write_page
from tests.faults.test_kill_at_each_place_of_answering import COMMANDS, RELAYS
from tests.faults.test_kill_at_each_place_of_counting import COUNTING, TELLING
from tests.faults.test_kill_at_each_place_of_jobs import CAMPAIGNS, JOBS, NOTICES
from tests.faults.test_kill_at_each_place_of_sending import PLACES
from tests.faults.test_kill_while_compacting import COMPACTING
from tests.faults.test_kill_while_migrating import MIGRATING

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")
EMPTY = "# R\n<!-- faults -->\n<!-- end of faults -->\n<!-- runs -->\n<!-- end of runs -->\n"


def row(fault: str, what: str = "killed", *, passed: bool = True, **figures: int) -> Row:
    return Row(fault, what, "nobody lost", 7, passed, {"lost": 0, **figures})


def test_whole_figures_are_summed_and_of_times_and_most_the_largest_is_kept() -> None:
    measured = Measured()

    measured.add(kills=2, recovery_seconds=1.5, most_copies=2)
    measured.add(kills=3, recovery_seconds=0.5, most_copies=1)

    assert measured.figures == {"kills": 5, "recovery_seconds": 1.5, "most_copies": 2}


def test_the_page_has_a_line_for_each_fault_in_their_order_and_one_for_the_run() -> None:
    page = write_page(
        EMPTY,
        [row("F10", kills=4), row("F9a"), row("F2", kills=20, rounds=10), row("F9"), row("F2", kills=5)],
        "2026-01-02",
        10,
    )

    assert [line for line in page.splitlines() if line.startswith("| F")] == [
        "| F2 | killed | nobody lost | lost 0, kills 25 | 10 | 7 |",
        "| F9 | killed | nobody lost | lost 0 | 1 | 7 |",
        "| F9a | killed | nobody lost | lost 0 | 1 | 7 |",
        "| F10 | killed | nobody lost | lost 0, kills 4 | 1 | 7 |",
    ]
    assert "| 2026-01-02 | 7 | 10 | 4 | 29 | 0 | 0 | 0 | 0 |" in page


def test_a_run_of_a_few_faults_leaves_what_is_told_of_the_others_and_of_earlier_runs() -> None:
    page = write_page(write_page(EMPTY, [row("F2", kills=9), row("F3")], "2026-01-02", 1), [row("F3", lost=1)], "d", 1)

    assert [line for line in page.splitlines() if line.startswith("| F")] == [
        "| F2 | killed | nobody lost | lost 0, kills 9 | 1 | 7 |",
        "| F3 | killed | nobody lost | lost 1 | 1 | 7 |",
    ]
    assert len(re.findall(r"(?m)^\| (2026|d) ?", page)) == 2


def test_a_failed_test_is_told_as_such() -> None:
    assert "| **failed**: lost 3 |" in write_page(EMPTY, [row("F2", passed=False, lost=3)], "2026-01-02", 1)


def test_chances_are_those_of_the_seed_and_of_the_test(request: pytest.FixtureRequest, dice: random.Random) -> None:
    """Whatever ran before, the same numbers come; a test with another name has others."""
    seed = seed_of(request.config)

    assert [dice.random() for _ in range(3)] == _three(f"{seed} {request.node.nodeid}")
    assert _three(f"{seed} {request.node.nodeid}") != _three(f"{seed} another")


def _three(seed: str) -> list[float]:
    chance = random.Random(seed)
    return [chance.random() for _ in range(3)]


def test_the_page_lists_every_crash_point() -> None:
    told = dict(re.findall(r"(?m)^\| `([a-z_]+\.[a-z_]+)` \| (.+) \|$", PAGE))

    assert told == POINTS


def test_every_crash_point_stands_in_the_code_once() -> None:
    """Each name is one place: a test that strikes there knows where it strikes."""
    sources = [
        path.read_text(encoding="utf-8") for folder in ("services", "shared") for path in (ROOT / folder).rglob("*.py")
    ]
    called = [name for source in sources for name in re.findall(r'crash_points.reached[(,]\s*"([a-z_.]+)"', source)]

    assert sorted(called) == sorted(POINTS)
    assert len(POINTS) >= 25


def test_a_process_that_is_not_armed_has_nothing_built_in() -> None:
    def open_channel() -> SmtpSession:
        raise NotImplementedError

    assert not crash_points.are_armed()
    assert with_crash_points(open_channel) is open_channel
    assert type(new_connection(Timers())) is Connection


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("smtp.dot_out", "place:number"),
        ("smtp.dot_out:0", "place:number"),
        ("smtp.dot_out:x", "place:number"),
        ("smtp.dot_out:1:later", "place:number"),
        ("nowhere:1", "no place 'nowhere'"),
    ],
)
def test_what_is_no_crash_point_is_refused(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        read_plan({WHERE: text, ALLOWED: "on"})


def test_a_crash_point_needs_a_second_word() -> None:
    """One variable that somebody left behind kills nobody."""
    with pytest.raises(ValueError, match=f"{ALLOWED}=on"):
        read_plan({WHERE: "smtp.dot_out:1"})
    assert read_plan({ALLOWED: "on"}) is None


def test_a_service_with_a_crash_point_it_may_not_have_does_not_start() -> None:
    """`postroom migrate` stands for all: it says why, and does nothing."""
    postroom = Path(sys.executable).with_name("postroom")
    environment = {WHERE: "events.appended:1", "POSTROOM_DATABASE_URL": "postgresql://127.0.0.1:1/none"}

    done = subprocess.run([postroom, "migrate"], env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert ALLOWED in done.stderr + done.stdout


@pytest.mark.parametrize(("act", "sent"), [("", signal.SIGKILL), (":stop", signal.SIGSTOP)])
def test_an_armed_process_is_struck_the_time_it_was_told(
    act: str, sent: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other places do not count."""
    struck: list[int] = []
    monkeypatch.setattr("os.kill", lambda _, number: struck.append(number))
    try:
        crash_points.arm({WHERE: f"api.answered:2{act}", ALLOWED: "on"})
        crash_points.reached("api.answered")
        crash_points.reached("api.answering")
        before = list(struck)
        crash_points.reached("api.answered")
        crash_points.reached("api.answered")
    finally:
        crash_points.arm({})

    assert (before, struck) == ([], [sent])
    assert not crash_points.are_armed()


def test_every_crash_point_is_struck_by_a_fault_test() -> None:
    """By name, in the tables that the tests go through."""
    struck = {*PLACES, *COMMANDS, *RELAYS, *COUNTING, *TELLING, *COMPACTING, *JOBS, *NOTICES, *CAMPAIGNS, *MIGRATING}

    assert struck == set(POINTS)
