"""Of requests that wait for a place each account's next one goes in its turn: a thousand of one hold up nobody else."""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class FairTurns:
    """``places``: how many go on at once, ``most_each``: of one account. Whoever lets them in bounds what waits."""

    places: int
    most_each: int
    _held: Counter[int] = field(default_factory=Counter)
    _waiting: OrderedDict[int, deque[asyncio.Future[None]]] = field(default_factory=OrderedDict)

    def turn(self, account_id: int) -> "_Turn":
        """``async with turns.turn(account_id):`` one of the places is its own."""
        return _Turn(self, account_id)

    async def take(self, account_id: int) -> None:
        if self._is_free_for(account_id) and account_id not in self._waiting:
            self._held[account_id] += 1
            return
        mine = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(account_id, deque()).append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self.leave(account_id)  # the place was given to one who has just left
            raise

    def _is_free_for(self, account_id: int) -> bool:
        return self._held.total() < self.places and self._held[account_id] < self.most_each

    def leave(self, account_id: int) -> None:
        """The place goes to the next account in the round that may have one; that account then goes to its end."""
        self._held[account_id] -= 1
        if not self._held[account_id]:
            del self._held[account_id]
        while (following := next(filter(self._is_free_for, self._waiting), None)) is not None:
            if self._call_next_of(following):
                return

    def _call_next_of(self, account_id: int) -> bool:
        """Whether there was one who has not left meanwhile."""
        queue = self._waiting.pop(account_id)
        called = next((each for each in _taken_from(queue) if not each.done()), None)
        if queue:
            self._waiting[account_id] = queue
        if called is None:
            return False
        self._held[account_id] += 1
        called.set_result(None)
        return True


@dataclass(frozen=True, slots=True)
class _Turn:
    turns: FairTurns
    account_id: int

    async def __aenter__(self) -> None:
        await self.turns.take(self.account_id)

    async def __aexit__(self, *_: object) -> None:
        self.turns.leave(self.account_id)


def _taken_from(queue: deque[asyncio.Future[None]]) -> Iterator[asyncio.Future[None]]:
    """What is taken from its front, until it is empty."""
    while queue:
        yield queue.popleft()
