"""The wire of live figures: server-sent events, each with what changed since the one before."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final

import orjson

from services.api.console.live import Figures

CONTENT_TYPE: Final = "text/event-stream"
RETRY_MS: Final = 2_000  #: after which a browser comes again
_BEAT: Final = b": still here\n\n"
_OVER: Final = b"event: over\ndata: {}\n\n"


async def write_events(
    watching: AsyncGenerator[Figures | None], still_in: Callable[[], Awaitable[bool]]
) -> AsyncGenerator[bytes]:
    """``still_in``: whether whoever watches may still do so. Who may not is told that it is over."""
    yield f"retry: {RETRY_MS}\n\n".encode()
    told: Figures | None = None
    async with aclosing(watching):
        async for figures in watching:
            if not await still_in():
                yield _OVER
                return
            if figures is None:
                yield _BEAT
            elif changed := _changed(told, figures):
                told = figures
                yield b"event: figures\ndata: " + orjson.dumps(changed) + b"\n\n"


def _changed(told: Figures | None, figures: Figures) -> dict[str, Any]:
    before = told or Figures({})
    parts: dict[str, Any] = {
        "regions": {name: each for name, each in figures.regions.items() if before.regions.get(name) != each},
        "flags": {name: each for name, each in figures.flags.items() if before.flags.get(name) != each},
        "said": figures.said if figures.said != before.said else "",
    }
    return {name: part for name, part in parts.items() if part}
