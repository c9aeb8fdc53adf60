"""What a fault test counted: the figures that docs/reliability.md shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Figure = int | float


@dataclass(slots=True)
class Measured:
    """Of one test. ``figures``: by name, in the order in which they were first told."""

    figures: dict[str, Figure] = field(default_factory=dict)

    def add(self, **figures: Figure) -> None:
        """Whole numbers are summed; of names that end in ``_seconds`` or begin with ``most_`` the largest is kept."""
        for name, figure in figures.items():
            before = self.figures.get(name)
            self.figures[name] = figure if before is None else _both(name, before, figure)


def added_up(each: Mapping[str, Figure], other: Mapping[str, Figure]) -> dict[str, Figure]:
    """The figures of two tests of one fault."""
    measured = Measured(dict(each))
    measured.add(**other)
    return measured.figures


def keeps_largest(name: str) -> bool:
    return name.endswith("_seconds") or name.startswith("most_")


def _both(name: str, before: Figure, figure: Figure) -> Figure:
    return max(before, figure) if keeps_largest(name) else before + figure
