"""What a process takes up while it runs: memory and descriptors, looked at again and again."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import linear_regression, median
from typing import Final

LOOK_SECONDS: Final = 0.5
WARM: Final = 4  #: one part in so many of a run passes before what is taken up counts as growth


@dataclass
class TakenUp:
    """Of one process: at each look the second, megabytes and descriptors."""

    pid: int
    looks: list[tuple[float, float, int]] = field(default_factory=list)

    async def watch(self, enough: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        while not enough.is_set():
            self.looks.append((loop.time(), _megabytes(self.pid), len(list(Path(f"/proc/{self.pid}/fd").iterdir()))))
            await asyncio.sleep(LOOK_SECONDS)

    def growth(self, column: int) -> float:
        """Of megabytes (1) or descriptors (2): how many there are more in the end than when it was warm."""
        values = self._warm(column)
        tail = max(1, len(values) // 5)
        return median(values[-tail:]) - median(values[:tail])

    def slope(self, column: int) -> float:
        """How many are added a minute, from when it was warm."""
        return linear_regression(self._warm(0), self._warm(column)).slope * 60

    def _warm(self, column: int) -> Sequence[float]:
        return [look[column] for look in self.looks[len(self.looks) // WARM :]]


def _megabytes(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0
