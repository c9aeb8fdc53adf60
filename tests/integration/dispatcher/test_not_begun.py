"""A dispatcher that does not come to begin."""

from pathlib import Path

import pytest

from shared.postgres.database import Database, Unavailable
from tests.integration.dispatcher.dispatching import dispatching


async def test_it_leaves_no_slots_behind(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While Postgres is away it is started again and again: the disk would fill."""

    async def away(*_: object) -> int:
        raise Unavailable("away")

    monkeypatch.setattr("services.dispatcher.app.replay_orphans", away)
    with pytest.raises(Unavailable):
        async with dispatching(database, 1, tmp_path):
            pass

    assert list(tmp_path.rglob("*.journal"))
    assert not list(tmp_path.rglob("*.replies"))
