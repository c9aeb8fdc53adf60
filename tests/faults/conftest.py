"""The harness of fault tests: chance that can be replayed, rounds, figures, and the page that shows them.

A fault test is marked ``fault(number, what, expects=...)`` and asks for ``measured``; whatever is left to chance comes
from ``dice``, how often it is done from ``rounds``. ``make faults`` runs them and writes docs/reliability.md.
"""

import os
import random
import zlib
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.faults.measured import Measured
from tests.faults.reliability_page import Row, row_of, write_page

_SEED = pytest.StashKey[int]()
_TIMEOUT = 120.0  #: seconds, as pyproject.toml has it


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("faults")
    group.addoption("--fault-seed", type=int, help="replays the chances of a run (or POSTROOM_FAULT_SEED)")
    group.addoption("--fault-rounds", type=int, help="how often each fault is injected (or POSTROOM_FAULT_ROUNDS)")
    group.addoption("--fault-page", type=Path, help="the page into which the figures are written")


def seed_of(config: pytest.Config) -> int:
    """Given, or drawn once for the whole run: its parts share what names it."""
    if _SEED not in config.stash:
        given = config.getoption("--fault-seed", None) or os.environ.get("POSTROOM_FAULT_SEED")
        run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
        drawn = zlib.crc32(run.encode()) if run else random.randrange(1 << 32)
        config.stash[_SEED] = int(given) if given else drawn
    return config.stash[_SEED]


def rounds_of(config: pytest.Config) -> int:
    return int(config.getoption("--fault-rounds", None) or os.environ.get("POSTROOM_FAULT_ROUNDS") or 1)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """So many rounds may take so many times as long; and a fault test without figures is none."""
    for item in items:
        if item.get_closest_marker("fault") is None:
            continue
        if "measured" not in getattr(item, "fixturenames", ()):
            raise pytest.UsageError(f"{item.nodeid} is marked as a fault test and measures nothing")
        marked = item.get_closest_marker("timeout")
        seconds = marked.args[0] if marked else _TIMEOUT
        item.add_marker(pytest.mark.timeout(seconds * rounds_of(config)), append=False)


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """The chances of this test: the same for the same seed, whatever runs beside it."""
    return random.Random(f"{seed_of(request.config)} {request.node.nodeid}")


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    """How often a fault is injected, as a multiple of the short form."""
    return rounds_of(request.config)


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Iterator[Measured]:
    """Where a test puts its figures; none is a failure."""
    measured, marker = Measured(), request.node.get_closest_marker("fault")
    if marker is not None:
        number, what = marker.args
        about = {"fault": number, "what": what, "expects": marker.kwargs["expects"]}
        told = {**about, "seed": seed_of(request.config), "figures": measured.figures}
        request.node.user_properties.append(("fault", told))
    yield measured
    assert measured.figures, "nothing was measured"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure tells how to have it again."""
    report = yield
    if report.failed and "dice" in getattr(item, "fixturenames", ()):
        again = f"make faults SEED={seed_of(item.config)} ROUNDS={rounds_of(item.config)} ONLY='{item.nodeid}'"
        report.sections.append(("the same chances again", again))
    return report


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    page = None if hasattr(config, "workerinput") else config.getoption("--fault-page", None)
    if page is not None:
        config.pluginmanager.register(PageWriter(config, page), "fault page")


class PageWriter:
    """Gathers what reports carry, also from other processes, and writes at the end."""

    def __init__(self, config: pytest.Config, page: Path) -> None:
        self._config = config
        self._page = page
        self._rows: list[Row] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            properties: list[tuple[str, Any]] = report.user_properties
            self._rows += [row_of(told, passed=report.passed) for name, told in properties if name == "fault"]

    def pytest_sessionfinish(self) -> None:
        if not self._rows:
            return
        day = datetime.now(UTC).date().isoformat()
        before = self._page.read_text(encoding="utf-8")
        self._page.write_text(write_page(before, self._rows, day, rounds_of(self._config)), encoding="utf-8")
