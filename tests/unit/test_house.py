"""The rules of the house that no other tool checks: sizes, names, and what never stands in a file."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles
from textwrap import indent

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = ("services", "shared", "tests", "bench")
NOT_OURS = re.compile(r"\.(?!ci$|github$).+|__pycache__|dist|node_modules")  # folders made by tools

FILE_LINES = 300
FUNCTION_LINES = 40
NESTED_FUNCTIONS = 1
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
VAGUE = {"base", "common", "helpers", "manager", "utils"}

#: Package registries and mirrors. Written so that this file does not name what it forbids.
REGISTRY = re.compile(
    r"(py[p]i|npmj[s]|ruby[g]ems|docker[.]i[o]|crates[.]i[o])\.(org|com|io)|python[h]osted\.|deb[.]debian\.|(gh[c]r|qua[y])\.io"
)
UNEXPLAINED = re.compile(r"#\s*noqa(?!: [A-Z]+\d+(, [A-Z]+\d+)* - \S)|#\s*type:\s*ignore(?!\[[a-z, -]+\] {1,2}[-#] \S)")


def files_below(*folders: str, suffix: str = "") -> list[Path]:
    paths = (path for folder in folders for path in (ROOT / folder).rglob(f"*{suffix}"))
    return sorted(path for path in paths if path.is_file() and not any(map(NOT_OURS.fullmatch, parents(path))))


def parents(path: Path) -> tuple[str, ...]:
    return path.relative_to(ROOT).parts[:-1]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(tree: ast.AST) -> Iterator[FUNCTION]:
    return (node for node in ast.walk(tree) if isinstance(node, FUNCTION))


def length(function: FUNCTION) -> int:
    """From ``def`` to the last line; decorators are not counted, a table of test cases is no code."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def nesting(node: ast.AST) -> int:
    """How many ``def`` lie inside each other at the deepest place below ``node``."""
    below = ast.iter_child_nodes(node)
    return max((nesting(child) + isinstance(child, FUNCTION) for child in below), default=0)


def faults_of(source: str) -> list[str]:
    """What is wrong with the size and shape of one Python file."""
    faults = []
    for function in functions(ast.parse(source)):
        if length(function) > FUNCTION_LINES:
            faults.append(f"{function.name} has {length(function)} lines")
        if nesting(function) > NESTED_FUNCTIONS:
            faults.append(f"{function.name} nests def in def in def")
    if (lines := len(source.splitlines())) > FILE_LINES:
        faults.append(f"{lines} lines")
    return faults


def faults_of_text(text: str) -> list[str]:
    """What must stand in no file of any kind."""
    found = [match[0] for pattern in (REGISTRY, UNEXPLAINED) for match in pattern.finditer(text)]
    return [f"contains {words!r}" for words in found]


PYTHON = files_below(*CODE, suffix=".py")
TEXTS = files_below(".")


def test_every_file_keeps_its_budget() -> None:
    """At most 300 lines a file and 40 a function, and no function inside a function inside a function."""
    faults = {name(path): faults_of(path.read_text(encoding="utf-8")) for path in PYTHON}

    assert {path: found for path, found in faults.items() if found} == {}


def test_most_of_the_code_is_far_below_its_budget() -> None:
    """Half the files under 80 lines, nine of ten under 200; nine of ten functions under 25."""
    sources = [path.read_text(encoding="utf-8") for path in files_below("services", "shared", suffix=".py")]
    files = [lines for source in sources if (lines := len(source.splitlines())) > 2]
    lengths = [length(function) for source in sources for function in functions(ast.parse(source))]

    assert median(files) < 80
    assert quantiles(files, n=10)[-1] < 200
    assert quantiles(lengths, n=10)[-1] < 25


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [name(path) for path in PYTHON if VAGUE & {path.stem, path.parent.name}] == []


def test_no_file_names_a_registry_or_silences_a_check_without_a_reason() -> None:
    faults = {name(path): faults_of_text(path.read_text(encoding="utf-8", errors="replace")) for path in TEXTS}

    assert {path: found for path, found in faults.items() if found} == {}


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock", "requirements-fuzz.lock"])
def test_a_lock_file_has_hashes_and_no_address(lock: str) -> None:
    """Wherever packages come from on this machine, the file is the same."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    packages = re.split(r"(?m)^(?=[a-z0-9])", text)[1:]

    assert "://" not in text
    assert [package.split()[0] for package in packages if "--hash=sha256:" not in package] == []


def test_the_workshop_holds_all_that_the_demo_needs_in_the_same_versions() -> None:
    def pins(lock: str) -> set[str]:
        return set(re.findall(r"(?m)^[a-z0-9][^ ]*==[^ ]*", (ROOT / lock).read_text(encoding="utf-8")))

    assert pins("requirements.lock") <= pins("requirements-dev.lock")


LONG = "def f():\n" + "    pass\n" * 40
DEEP = "def f():\n  def g():\n    def h():\n      pass\n"


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        pytest.param("x = 1\n" * 301, "301 lines", id="a long file"),
        pytest.param(LONG, "f has 41 lines", id="a long function"),
        pytest.param("class A:\n" + indent(LONG, " "), "f has 41 lines", id="a long method"),
        pytest.param("async " + LONG, "f has 41 lines", id="a long coroutine"),
        pytest.param(DEEP, "f nests def in def in def", id="functions three deep"),
    ],
)
def test_what_breaks_a_budget_is_seen(source: str, fault: str) -> None:
    assert faults_of(source) == [fault]


@pytest.mark.parametrize(
    "text",
    [
        "index-url = https://pyp" + "i.org/simple",
        "FROM gh" + "cr.io/somebody/something",
        "x = 1  # no" + "qa",
        "x = 1  # no" + "qa: S603",
        "x = 1  # type:" + " ignore",
        "x = 1  # type:" + " ignore[arg-type]",
    ],
)
def test_what_stands_in_no_file_is_seen(text: str) -> None:
    assert len(faults_of_text(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "x = 1  # no" + "qa: S603 - a path we found ourselves",
        "x = 1  # no" + "qa: S603, TID251 - a path we found ourselves",
        "x = 1  # type:" + " ignore[arg-type]  # any word will do",
    ],
)
def test_a_reason_is_enough(text: str) -> None:
    assert faults_of_text(text) == []
