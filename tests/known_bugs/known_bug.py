"""A known bug: what is done wrong, and the test that must see it. Planted by patches that end with the test."""

import asyncio
import inspect
import linecache
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType
from typing import Any

import pytest

#: A test fails by an assertion, or as what was to be raised was not.
FAILURES = (AssertionError, pytest.fail.Exception)

Target = Callable[..., Awaitable[None]]


@dataclass(frozen=True)
class KnownBug:
    """``whose``: who is known to have made it; ``target``: the test that catches it, with its parameters ``given``;
    ``caught_at``: part of the line at which it must fail.
    """

    name: str
    whose: str
    plant: Callable[[pytest.MonkeyPatch], None]
    target: Target
    caught_at: str
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def node(self) -> str:
        """Of the target, as pytest calls it."""
        path = self.target.__module__.replace(".", "/") + ".py"
        return f"{path}::{self.target.__qualname__.replace('.', '::')}"


def make_test(bug: KnownBug) -> Callable[..., Awaitable[None]]:
    """A test that plants the bug, runs its target with the same fixtures, and fails unless that does."""
    takes_self = "." in bug.target.__qualname__

    async def test(monkeypatch: pytest.MonkeyPatch, **fixtures: Any) -> None:
        bug.plant(monkeypatch)
        with pytest.raises(FAILURES) as caught:
            async with nothing_left_behind():
                await bug.target(*[None] * takes_self, **fixtures, **bug.given)
        assert bug.caught_at in failing_line(caught.tb, bug.target), f"failed for another reason: {caught.value}"

    wanted = list(inspect.signature(bug.target).parameters.values())[int(takes_self) :]
    asked = [inspect.Parameter("monkeypatch", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    asked += [each for each in wanted if each.name not in bug.given]
    test.__signature__ = inspect.Signature(asked)  # type: ignore[attr-defined]  # by which pytest finds the fixtures
    test.__doc__ = f"{bug.name} is caught."
    return test


@asynccontextmanager
async def nothing_left_behind() -> AsyncIterator[None]:
    """Whatever a target had begun when it failed ends with it, before its database goes."""
    before = asyncio.all_tasks()
    try:
        yield
    finally:
        begun = asyncio.all_tasks() - before
        for task in begun:
            task.cancel()
        await asyncio.gather(*begun, return_exceptions=True)


def failing_line(traceback: TracebackType | None, target: Target) -> str:
    """Where in the target, or in what it uses of its module, it went wrong: the whole statement."""
    file, found = inspect.getfile(target), ""
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == file:
            found = linecache.getline(file, traceback.tb_lineno)
        traceback = traceback.tb_next
    return found


def plant_statement(patch: pytest.MonkeyPatch, known: Mapping[str, str], name: str, changes: Mapping[str, str]) -> None:
    """Says something else in one statement, wherever the mapping of statements is used. ``changes``: new by old."""
    statement = known[name]
    for old, new in changes.items():
        assert statement.count(old) == 1, f"{name} has changed: {old!r} is not there once"
        statement = statement.replace(old, new)
    planted = MappingProxyType({**known, name: statement})
    for module in list(sys.modules.values()):
        for attribute in ("STATEMENTS", "QUERIES", "LOG_QUERIES"):
            if getattr(module, "__dict__", {}).get(attribute) is known:
                patch.setattr(module, attribute, planted)
