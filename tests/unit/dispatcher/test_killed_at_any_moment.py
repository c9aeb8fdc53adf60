"""Whenever a dispatcher is killed: what its slots say is true, and nobody who was taken is sent to again."""

import asyncio
import random
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.dispatcher.killable import Killable


@settings(max_examples=50)
@given(st.randoms(use_true_random=False))
def test_a_kill_at_any_moment_doubles_nobody_and_loses_nobody(dice: random.Random) -> None:
    """Two sessions, each with one connection after the other, and a relay that takes, refuses, defers and goes."""
    with tempfile.TemporaryDirectory() as folder:
        world = Killable(Path(folder), dice)
        asyncio.run(world.send(2, 5))
        world.journal.close()


def test_moments_are_among_them_that_only_a_slot_survives(tmp_path: Path) -> None:
    """Else the test above would hold without any slots."""
    world = Killable(tmp_path, random.Random(1))
    asyncio.run(world.send(2, 30))
    world.journal.close()

    assert world.found > 100
