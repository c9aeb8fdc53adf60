"""What is broken about a handler stops nobody behind it."""

import asyncio

from shared.bus.handling import run_guarded
from shared.bus.interface import Hint


async def test_a_handler_that_hangs_loses_its_hint_and_nothing_else() -> None:
    """It is cancelled when its time is over, and the next one is handled."""
    handled, cancelled = list[Hint](), list[Hint]()

    async def handle(hint: Hint) -> None:
        if hint.key == 1:
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.append(hint)
        handled.append(hint)

    for key in (1, 2):
        await run_guarded(handle, Hint("task_due", key), seconds=0.01)

    assert (cancelled, handled) == ([Hint("task_due", 1)], [Hint("task_due", 2)])
