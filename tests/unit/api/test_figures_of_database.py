"""What the database knows, told to Prometheus: counted as tasks tell it, read seldom, and never told when it is old."""

from typing import cast

from pyroaring import BitMap

from services.api.figures.oldest_writer import OldestWriter
from services.api.figures.read_figures import Figures, Waiting, count_in_doubt
from services.api.figures.show_figures import KEEP_SECONDS, WAITING, FiguresOfDatabase
from shared.domain.delivery import Kind
from shared.postgres.database import Row, Unavailable

TASKS = {"open": 0, "paused": 0, "blocked": 0}
NOTHING = Figures(dict.fromkeys(WAITING, Waiting(0, 0.0)), TASKS, 0, {}, None, store_held=False)


def chunk(task_id: int, kind: Kind, *ordinals: int) -> Row:
    return cast(Row, {"task_id": task_id, "chunk": 0, "kind": int(kind), "bits": BitMap(ordinals).serialize()})


def test_held_in_doubt_are_those_who_came_to_no_other_state() -> None:
    """Of four that were held one was taken by the relay after all; another task's held one counts beside them."""
    rows = [chunk(1, Kind.HELD, 0, 1, 2, 3), chunk(1, Kind.SUBMITTED, 3), chunk(2, Kind.HELD, 3)]

    assert count_in_doubt(rows) == 4


def test_who_holds_the_tails_back_is_timed_from_when_he_was_first_seen() -> None:
    """Another transaction begins anew, and none is none."""
    writer = OldestWriter()
    looks = ((None, 1.0), (7, 2.0), (7, 9.5), (8, 10.0), (8, 11.0), (None, 12.0), (8, 13.0))

    assert [writer.look(xid, now) for xid, now in looks] == [0.0, 0.0, 7.5, 0.0, 1.0, 0.0, 0.0]


async def test_figures_are_read_once_in_a_while_however_often_they_are_asked_for() -> None:
    now, read = [100.0], []

    async def count() -> Figures:
        read.append(now[0])
        return NOTHING

    figures = FiguresOfDatabase(count, lambda: now[0])
    for moment in (100.0, 101.0, 100.0 + KEEP_SECONDS, 101.0 + KEEP_SECONDS):
        now[0] = moment
        await figures.refresh()

    assert read == [100.0, 100.0 + KEEP_SECONDS]


async def test_what_cannot_be_read_is_missing_and_nothing_old_is_told() -> None:
    now, answers = [100.0], [NOTHING, None]

    async def fail_at_last() -> Figures:
        if (answer := answers.pop(0)) is None:
            raise Unavailable("no connection")
        return answer

    figures = FiguresOfDatabase(fail_at_last, lambda: now[0])
    await figures.refresh()
    known = {metric.name for metric in figures.collect()}
    now[0] += KEEP_SECONDS
    await figures.refresh()

    assert {seconds for _, seconds, _ in WAITING.values()} <= known
    assert {metric.name: metric.samples[0].value for metric in figures.collect()} == {"postroom_figures_read": 0}
