"""What a sender asks before it sends: a seat at the relay, room in its rate, and who may go by his domain."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from services.dispatcher.limits.gate import Gate
from shared.postgres.database import Row

LOOK_SECONDS: Final = 0.05  #: between two looks at a gate that is shut
BUSY_SECONDS: Final = 0.5  #: how long recipients wait when all connections to their domain are in use


@dataclass(slots=True)
class Admitted:
    """``rows``: who may go now; the others in ``wait_seconds``. To be ended with ``leave``."""

    rows: list[Row]
    wait_seconds: float = 0.0
    _entered: list[Gate] = field(default_factory=list)
    _shut: list[Gate] = field(default_factory=list)  #: all connections to them are in use

    def ask(self, gate: Gate, now: float) -> float:
        """Seconds to wait; 0.0: one more message may go, and is counted."""
        if not any(gate is known for known in (*self._entered, *self._shut)):
            (self._entered if gate.enter(now) else self._shut).append(gate)
        if any(gate is shut for shut in self._shut):
            return BUSY_SECONDS
        return 0.0 if gate.take(1, now) else max(gate.wait(now), LOOK_SECONDS)

    def leave(self) -> None:
        while self._entered:
            self._entered.pop().leave()


@dataclass(frozen=True, slots=True)
class Domains:
    """The gates of the domains that have one. A batch goes over one connection, so it counts as one at each domain."""

    gates: Mapping[str, Gate]
    monotonic: Callable[[], float]

    def admit(self, rows: Sequence[Row]) -> Admitted:
        """``rows``: of ``recipients_of_batch``, lowest ordinals first."""
        if not self.gates:
            return Admitted(list(rows))
        admitted, now = Admitted([]), self.monotonic()
        for row in rows:
            gate = self.gates.get(row["address"].rpartition("@")[2].lower())
            wait = admitted.ask(gate, now) if gate else 0.0
            if wait:
                admitted.wait_seconds = min(wait, admitted.wait_seconds or wait)
            else:
                admitted.rows.append(row)
        return admitted


@dataclass(slots=True)
class Seat:
    """A worker's place at the relay; without a limit there is one for everybody, always."""

    gate: Gate | None
    monotonic: Callable[[], float]
    taken: bool = False

    @property
    def look_seconds(self) -> float | None:
        """How long to sit idle before looking whether somebody else is to have the seat; None: for ever."""
        return None if self.gate is None else 1.0

    async def take(self) -> None:
        while self.gate is not None and not self.taken:
            self.taken = self.gate.enter(self.monotonic())
            if not self.taken:
                await asyncio.sleep(LOOK_SECONDS)

    def must_leave(self) -> bool:
        return self.taken and self.gate is not None and self.gate.must_leave(self.monotonic())

    def leave(self) -> None:
        if self.taken and self.gate is not None:
            self.gate.leave()
        self.taken = False

    def grant(self, messages: int) -> tuple[int, float]:
        """(how many of them may go now, seconds until more may)."""
        if self.gate is None:
            return messages, 0.0
        now = self.monotonic()
        return self.gate.take(messages, now), self.gate.wait(now)
