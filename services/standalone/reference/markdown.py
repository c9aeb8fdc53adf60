"""Pages of the reference: a title, what it is about, tables."""

from collections.abc import Iterable, Sequence
from typing import Final

_WRITTEN: Final = """This page is written from the code by `.venv/bin/python -m services.standalone.reference`. A test
fails where it is not what the code says."""


def page(title: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", *parts, _WRITTEN]) + "\n"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *([_escaped(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
