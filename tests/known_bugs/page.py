"""docs/reference/known-bugs.md: what is planted, and which test catches it."""

from pathlib import Path
from typing import Final

from tests.known_bugs.bugs import BUGS
from tests.known_bugs.known_bug import KnownBug
from tests.pages import ROOT

PAGE: Final = ROOT / "docs/reference/known-bugs.md"
_HEAD: Final = """# Known bugs

Mistakes that others have made. Each is made here on purpose, by changing one function or statement while one test runs,
and that test must fail, at the line that is meant for it; as things are it passes. `make known-bugs` does both. Nothing
of it is in what is installed.

| the mistake | who made it, and what came of it | what catches it |
|---|---|---|
"""
_TAIL: Final = """
This page is written by `.venv/bin/python -m tests.known_bugs --page`. A test fails where it is not what the code says.
"""


def known_bugs_page() -> str:
    return _HEAD + "".join(f"| {bug.name} | {bug.whose} | {_target(bug)} |\n" for bug in BUGS) + _TAIL


def write_page(path: Path = PAGE) -> None:
    path.write_text(known_bugs_page(), encoding="utf-8")


def _target(bug: KnownBug) -> str:
    file, *names = bug.node.split("::")
    return f"`{Path(file).name}`: {names[-1].removeprefix('test_').replace('_', ' ')}"
