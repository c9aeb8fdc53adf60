"""A process on a host whose clock is wrong: it goes by the database's, but for its files, which the host has dated."""

import os
import time
from pathlib import Path
from typing import Final

import pytest

from services.dispatcher.notices.recover import replay_notices
from services.dispatcher.sending.recover import replay_orphans
from shared.domain.identifiers import Instant
from shared.domain.retry_schedule import RetrySchedule
from shared.object_store.in_folder import InFolder
from shared.postgres.database import Database
from shared.postgres.session import follow_its_clock
from shared.runtime import clock

DAY: Final = 86_400.0


class NoAnswer(Exception):
    """The database was asked and said nothing."""


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch) -> float:
    """The database is so many seconds ahead of the host, which is right in truth: so the host seems to be slow."""
    monkeypatch.setattr(clock, "_followed", clock._Followed(time.time() + 2 * DAY - time.monotonic(), float("inf")))
    return 2 * DAY


async def test_a_process_that_has_connected_knows_the_time(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it looks at the clock before it asks the database for anything."""
    right, of_host = time.time, time.time_ns
    monkeypatch.setattr(clock, "_followed", clock._Followed())
    monkeypatch.setattr(time, "time_ns", lambda: of_host() + int(DAY * 1e9))
    before = clock.now()

    database = await Database.connect(database_url, connections=1)
    told, now = clock.now(), right()
    await database.close()

    assert before > now + DAY / 2
    assert abs(told - now) < 60


async def test_where_no_answer_came_the_next_one_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_followed", clock._Followed())

    async def says_nothing(_: str) -> float:
        raise NoAnswer

    async def is_asked(_: str) -> float:
        return 1000.0

    with pytest.raises(NoAnswer):
        await follow_its_clock(says_nothing)
    await follow_its_clock(is_asked)

    assert clock.now() < 1060


async def test_journals_are_kept_for_a_day_by_the_clock_that_dated_them(
    database_url: str, tmp_path: Path, ahead: float
) -> None:
    """What was sent within the last day is not forgotten by a host that is two days slow."""
    young, old = tmp_path / "11.replayed", tmp_path / "12.replayed"
    for path in (young, old):
        path.touch()
    os.utime(old, (0, time.time() - ahead))

    database = await Database.connect(database_url, connections=1)
    await replay_orphans(database, tmp_path, 1, clock.now(), {})
    left = sorted(tmp_path.iterdir())
    await replay_notices(database, tmp_path, 1, RetrySchedule((1.0,)))
    await database.close()

    assert left == sorted(tmp_path.iterdir()) == [young]


@pytest.mark.usefixtures("ahead")
async def test_uploads_under_way_stay_on_a_host_that_is_slow(tmp_path: Path) -> None:
    store = InFolder(tmp_path)
    await store.begin("a")

    assert await store.abandon_before(Instant(clock.now() - DAY)) == 0
    assert await store.abandon_before(Instant(clock.now() + 60)) == 1
