"""Runs the handlers of both adapters, so that no handler, however broken, stops the flow."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from shared.runtime import tracing

log = structlog.get_logger(__name__)

HANDLER_SECONDS = 30.0

Given = TypeVar("Given")


async def run_guarded(
    handler: Callable[[Given], Awaitable[None]], given: Given, seconds: float = HANDLER_SECONDS
) -> None:
    """Logs what the handler raises, and that it was cancelled because it took longer than `seconds`."""
    try:
        with tracing.joined(getattr(given, "traceparent", None)), tracing.span("bus receive"):
            async with asyncio.timeout(seconds):
                await handler(given)
    except Exception as error:
        log.exception("bus_handler_failed", error=type(error).__name__)
