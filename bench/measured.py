"""Values of repeated runs, and how they are shown. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True)
class Used:
    """What one process, with its children, took during one run."""

    name: str
    cpu_seconds: float
    peak_megabytes: float


@dataclass(frozen=True, slots=True)
class Line:
    """One thing measured several times beside its yardstick, turn by turn on the same machine."""

    what: str
    unit: str
    runs: Sequence[float]
    yardstick: str = ""
    yardstick_runs: Sequence[float] = ()
    note: str = ""
    used: Sequence[Used] = field(default=())
    goal: float | None = None  #: what the ratio should reach
    most: float | None = None  #: what the ratio, or the value of what has no yardstick, should not exceed

    @property
    def median(self) -> float:
        return median(self.runs)

    @property
    def ratio(self) -> float | None:
        """Of the medians; None without a yardstick."""
        return self.median / median(self.yardstick_runs) if self.yardstick_runs else None


def as_text(line: Line) -> str:
    """Every run's value, then what they come to."""
    rows = [f"{line.what}: {_rate(line.median)} {line.unit}", f"    runs       {_rates(line.runs)}"]
    if line.yardstick_runs:
        rows.append(f"    yardstick  {_rates(line.yardstick_runs)}   {line.yardstick}")
        rows.append(f"    ratio      {line.ratio:.2f} of the medians{_beside(line)}")
    elif line.most is not None:
        rows.append(f"    wanted     at most {line.most:g}: {'kept' if line.median <= line.most else 'MISSED'}")
    if line.note:
        rows.append(f"    {line.note}")
    rows += [
        f"    {used.name:<14} {used.cpu_seconds:7.2f} s CPU  {used.peak_megabytes:6.0f} MB peak" for used in line.used
    ]
    return "\n".join(rows)


def as_markdown(lines: Sequence[Line], machine: str) -> str:
    """The table of the README."""
    head = [f"Measured by `make bench` on {machine}. Medians; each run stands in brackets.", ""]
    table = ["| what | median | yardstick of the same run | ratio | wanted |", "|---|---|---|---|---|"]
    for line in lines:
        own = f"{_rate(line.median)} {line.unit} ({_rates(line.runs)})"
        ratio = f"{line.ratio:.2f}" if line.ratio is not None else ""
        table.append(f"| {line.what} | {own} | {_yardstick(line)} | {ratio} | {_wanted(line)} |")
    return "\n".join([*head, *table])


def _yardstick(line: Line) -> str:
    if not line.yardstick_runs:
        return ""
    return f"{line.yardstick}: {_rate(median(line.yardstick_runs))} ({_rates(line.yardstick_runs)})"


def _wanted(line: Line) -> str:
    if line.most is not None:
        return f"at most {line.most:g}"
    return f"{line.goal:g}" if line.goal is not None else ""


def _beside(line: Line) -> str:
    """The goal, if it has one, and whether it is reached."""
    if line.most is not None and line.ratio is not None:
        return f"; at most {line.most:g} is wanted: {'kept' if line.ratio <= line.most else 'MISSED'}"
    if line.goal is None or line.ratio is None:
        return ""
    return f"; the goal is {line.goal:g}: {'reached' if line.ratio >= line.goal else 'MISSED'}"


def _rates(values: Sequence[float]) -> str:
    return ", ".join(_rate(value) for value in values)


def _rate(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.2f}"
