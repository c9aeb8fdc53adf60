"""Until the harness is here."""

import os
import random
from collections import Counter
from collections.abc import Iterator

import pytest


class Measured:
    def __init__(self) -> None:
        self.figures: dict[str, float] = {}

    def add(self, **figures: float) -> None:
        for name, value in figures.items():
            old = self.figures.get(name, 0)
            self.figures[name] = max(old, value) if name.endswith("_seconds") else old + value


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    seed = os.environ.get("POSTROOM_FAULT_SEED") or str(random.randrange(1 << 32))
    print("seed", seed)
    return random.Random(f"{seed} {request.node.nodeid}")


@pytest.fixture
def rounds() -> int:
    return int(os.environ.get("POSTROOM_FAULT_ROUNDS") or 1)


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Iterator[Measured]:
    it = Measured()
    yield it
    print("MEASURED", request.node.name, it.figures)
    assert it.figures
