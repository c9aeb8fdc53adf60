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
    first: Figures, watching: AsyncGenerator[Figures | None], still_in: Callable[[], Awaitable[bool]]
) -> AsyncGenerator[bytes]:
    """``first``: what is so at the beginning. ``still_in``: whether whoever watches may still do so; who may not is
    told that it is over.
    """
    yield f"retry: {RETRY_MS}\n\n".encode()
    yield _event(_changed(Figures({}), first))
    told = first
    async with aclosing(watching):
        async for figures in watching:
            if not await still_in():
                yield _OVER
                return
            if figures is None:
                yield _BEAT
            elif changed := _changed(told, figures):
                told = figures
                yield _event(changed)


def _event(parts: dict[str, Any]) -> bytes:
    return b"event: figures\ndata: " + orjson.dumps(parts) + b"\n\n"


def _changed(before: Figures, figures: Figures) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "regions": {name: each for name, each in figures.regions.items() if before.regions.get(name) != each},
        "flags": {name: each for name, each in figures.flags.items() if before.flags.get(name) != each},
        "said": figures.said if figures.said != before.said else "",
    }
    return {name: part for name, part in parts.items() if part}
