"""Writes what fault tests measured into docs/reliability.md, between its marks. Pure."""

import re
import string
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from tests.faults.measured import Figure, added_up

_TABLE: Final = re.compile(r"(?s)(<!-- faults -->\n).*?(<!-- end of faults -->)")
_RUNS: Final = re.compile(r"(?s)(<!-- runs -->\n)(.*?)(<!-- end of runs -->)")
_HEAD: Final = (
    "| fault | what happens | expected | measured | rounds | seed |",
    "|---|---|---|---|---|---|",
)
#: Figures that count what was done to the system, not what became of it.
_INJECTED: Final = ("kills", "stops", "cuts", "restarts", "outages", "repeats", "poisons", "steps", "faults")


@dataclass(frozen=True, slots=True)
class Row:
    """One fault as one test or several put it to the proof."""

    fault: str  #: as F8
    what: str
    expects: str
    seed: int
    passed: bool
    figures: dict[str, Figure]

    @property
    def key(self) -> tuple[str, str]:
        return (self.fault, self.what)


def row_of(told: dict[str, Any], *, passed: bool) -> Row:
    """``told``: what a test's report carries."""
    return Row(told["fault"], told["what"], told["expects"], told["seed"], passed, dict(told["figures"]))


def joined(rows: Iterable[Row]) -> list[Row]:
    """One for each fault and what happens: a test with several cases is one line. By number of the fault."""
    found: dict[tuple[str, str], Row] = {}
    for row in rows:
        before = found.get(row.key)
        figures = added_up(before.figures, row.figures) if before else row.figures
        passed = row.passed and (before is None or before.passed)
        found[row.key] = Row(row.fault, row.what, row.expects, row.seed, passed, figures)
    return sorted(found.values(), key=lambda row: (number_of(row.fault), row.what))


def number_of(fault: str) -> tuple[int, str]:
    """``F9a`` comes behind ``F9`` and before ``F10``."""
    digits = fault.strip(string.ascii_letters)
    return int(digits), fault.removeprefix(f"F{digits}")


def write_page(page: str, rows: Iterable[Row], day: str, rounds: int) -> str:
    """The page with these rows, and one line for the run. What it told of other faults stays: a run may be of a few."""
    fresh = joined(rows)
    kept = [line for line in _old_lines(page) if _key_of(line) not in {_key_of(_line(row)) for row in fresh}]
    lines = sorted([*kept, *map(_line, fresh)], key=lambda line: (number_of(_key_of(line)[0]), line))
    page = _TABLE.sub(lambda marks: marks[1] + "\n".join([*_HEAD, *lines]) + "\n" + marks[2], page)
    return _RUNS.sub(lambda marks: marks[1] + marks[2] + _run_line(fresh, day, rounds) + marks[3], page)


def _old_lines(page: str) -> list[str]:
    found = _TABLE.search(page)
    return [line for line in found[0].splitlines() if line.startswith("| F")] if found else []


def _key_of(line: str) -> tuple[str, str]:
    cells = line.split(" | ")
    return cells[0].removeprefix("| "), cells[1]


def _line(row: Row) -> str:
    figures = {name: figure for name, figure in row.figures.items() if name != "rounds"}
    told = ", ".join(f"{_words(name)} {_number(figure)}" for name, figure in figures.items())
    measured = told if row.passed else f"**failed**: {told}"
    rounds = row.figures.get("rounds", 1)
    return f"| {row.fault} | {row.what} | {row.expects} | {measured} | {rounds} | {row.seed} |"


def _words(name: str) -> str:
    return name.removesuffix("_seconds").replace("_", " ") + (" at most" if name.endswith("_seconds") else "")


def _number(figure: Figure) -> str:
    return f"{figure:,}" if isinstance(figure, int) else f"{figure:.1f} s"


def _run_line(rows: list[Row], day: str, rounds: int) -> str:
    injected = sum(_whole(row, *_INJECTED) for row in rows)
    lost, doubled, listed = (sum(_whole(row, name) for row in rows) for name in ("lost", "doubled", "listed"))
    most = max([int(row.figures.get("most_copies", 0)) for row in rows], default=0)
    cells = (day, rows[0].seed if rows else "", rounds, len(rows), f"{injected:,}", lost, doubled, listed, most)
    return "| " + " | ".join(map(str, cells)) + " |\n"


def _whole(row: Row, *names: str) -> int:
    return int(sum(row.figures.get(name, 0) for name in names))
