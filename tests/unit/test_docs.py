"""The pages: every link leads somewhere, every block of code can be read, every name in them exists."""

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from typing import Literal, get_args

import pytest

from services.api.app import OPERATIONS
from services.api.openapi import ALWAYS
from services.api.resources.job import given
from services.standalone.command_line import app
from services.standalone.reference.errors_page import CODES, MEANINGS
from services.standalone.reference.metrics_page import metric_names
from services.standalone.reference.pages import PAGES
from shared.domain import campaign, job, recipient_states, split_test, task
from shared.runtime.setting_list import SETTINGS
from shared.runtime.settings import CLIENT, FAULT_TESTS
from tests.pages import ROOT, Block, Page, anchors, blocks, every_page, links, prose

PAGES_BY_PATH = {page.path: page for page in every_page()}
BLOCKS = [(page, block) for page in PAGES_BY_PATH.values() for block in blocks(page.text)]
KNOWN_SETTINGS = (
    FAULT_TESTS
    | CLIENT
    | {setting.variable for setting in SETTINGS}
    | {f"{setting.variable}_FILE" for setting in SETTINGS if setting.secret}
)


def shown(page: Page) -> str:
    return str(page.path.relative_to(ROOT))


def each_block(*languages: str) -> list[object]:
    """As cases of a test."""
    chosen = [(page, block) for page, block in BLOCKS if block.language in languages]
    return [pytest.param(block, id=f"{shown(page)}:{block.line}") for page, block in chosen]


@pytest.mark.parametrize("page", PAGES_BY_PATH.values(), ids=shown)
def test_every_link_leads_to_a_file_and_a_heading(page: Page) -> None:
    assert list(dead_links(page)) == []


def dead_links(page: Page) -> Iterator[str]:
    for link in links(page.text):
        path, _, anchor = link.partition("#")
        target = (page.path.parent / path).resolve()
        if path and not (target.is_relative_to(ROOT) and target.exists()):
            yield link
            continue
        text = target.read_text(encoding="utf-8") if anchor and path else page.text
        if anchor and anchor not in anchors(text):
            yield link


def test_every_page_is_reached_from_the_index() -> None:
    """By however many links. Decisions have their folder, and are linked where they explain something."""
    reached, ahead = set(), [ROOT / "docs/README.md"]
    while ahead:
        page = ahead.pop()
        reached.add(page)
        found = {(page.parent / link.partition("#")[0]).resolve() for link in links(PAGES_BY_PATH[page].text)}
        ahead += [path for path in found if path in PAGES_BY_PATH and path not in reached]

    unreached = [path for path in PAGES_BY_PATH if path not in reached and path.parent.name != "decisions"]
    assert [str(path.relative_to(ROOT)) for path in unreached] == ["README.md"]


@pytest.mark.parametrize("name", PAGES)
def test_the_reference_is_what_the_code_says(name: str) -> None:
    """Written anew by the command that the page itself names."""
    assert (ROOT / "docs/reference" / name).read_text(encoding="utf-8") == PAGES[name]()


def test_every_status_of_a_refusal_has_its_meaning_on_the_page_of_errors() -> None:
    told = {*ALWAYS, *(status for operation in OPERATIONS for status in operation.refusals)}

    assert sorted(told - set(MEANINGS)) == []


def test_every_number_of_a_refusal_of_jobs_is_on_the_page_of_errors() -> None:
    own = {name: getattr(given, name) for name in given.__annotations__}
    numbers = {value for value in own.values() if isinstance(value, int)}

    assert numbers - {given.LONGEST_NAME, given.MOST_UPLOADED} == set(CODES)


@pytest.mark.parametrize("block", each_block("json"))
def test_json_is_json(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", each_block("python"))
def test_python_is_python(block: Block) -> None:
    ast.parse(block.text)


@pytest.mark.parametrize("block", each_block("sh"))
def test_a_shell_can_read_what_is_for_it(block: Block) -> None:
    done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("page", PAGES_BY_PATH.values(), ids=shown)
def test_every_setting_that_is_named_exists(page: Page) -> None:
    named = set(re.findall(r"\bPOSTROOM_[A-Z][A-Z_]*[A-Z]\b", page.text))

    assert sorted(named - KNOWN_SETTINGS) == []


@pytest.mark.parametrize("page", PAGES_BY_PATH.values(), ids=shown)
def test_every_sub_command_that_is_named_exists(page: Page) -> None:
    assert [words for words in commands(page.text) if not is_command(words)] == []


def commands(text: str) -> Iterator[tuple[str, ...]]:
    """The first two words behind `postroom` in whatever is code; helm's are names of a release."""
    code = [block.text for block in blocks(text)] + re.findall(r"`([^`\n]+)`", prose(text))
    for piece in re.findall(r"(?m)^(?!\s*helm ).+", "\n".join(code)):
        for found in re.finditer(r"(?:^|[\s/;(])postroom +(-*[a-z][a-z-]*)(?: +([a-z]+))?", piece):
            yield tuple(word for word in found.groups() if word)


def is_command(words: tuple[str, ...]) -> bool:
    name, *rest = words
    if name.startswith("-"):
        return name in ("--help", "--version")
    if name not in app:
        return False
    # A word behind it is a sub-command where it has any.
    below = [each for each in app[name] if not each.startswith("-")]
    return not below or (bool(rest) and rest[0] in below)


@pytest.mark.parametrize("page", PAGES_BY_PATH.values(), ids=shown)
def test_every_metric_that_is_named_exists(page: Page) -> None:
    named = set(re.findall(r"`(postroom_[a-z_]+)(?:\{[^`]*\})?`", prose(page.text)))

    assert sorted(named - metric_names() - ROLES) == []


ROLES = {"postroom_scaler", "postroom_service"}  #: of Postgres: they are named like metrics

Drawn = Literal["Task", "Campaign", "Split test", "Job", "Recipient"]
STATES: dict[Drawn, set[str]] = {
    "Task": set(get_args(task.Stage)) - {"new"},
    "Campaign": set(get_args(campaign.State)),
    "Split test": set(get_args(split_test.Stage)) - {"new"},
    "Job": set(get_args(job.Status)),
    "Recipient": set(recipient_states.STATES),
}


@pytest.mark.parametrize("drawn", STATES)
def test_a_diagram_has_the_states_that_the_code_has(drawn: Drawn) -> None:
    states = {end for begin, to, _ in arrows(drawn) for end in (begin, to)} - {"[*]"}

    assert states == STATES[drawn]


@pytest.mark.parametrize("drawn", [*STATES, "Batch"])
def test_every_arrow_is_a_sentence(drawn: str) -> None:
    assert [told for _, _, told in arrows(drawn) if len(told.split()) < 3] == []


def arrows(drawn: str) -> list[tuple[str, str, str]]:
    """From, to, and what has happened."""
    section = PAGES_BY_PATH[ROOT / "docs/concepts/states.md"].text.partition(f"\n## {drawn}\n")[2]
    diagram = next(block for block in blocks(section) if block.language == "mermaid")
    found = [re.fullmatch(r"(\S+) --> (\S+)(?:: (.+))?", line.strip()) for line in diagram.text.splitlines()[1:]]
    assert found
    assert all(found)
    return [(match[1], match[2], match[3] or "") for match in found if match]


# That these tests can fail.

FAULTY = Page(
    ROOT / "docs/faulty.md",
    "# A\n\n[x](nowhere.md) [y](#b) [z](#a) [w](why.md#no-such)\n\n"
    "```sh\npostroom fly\npostroom key lose\n```\n`postroom up`",
)


def test_what_leads_nowhere_is_seen() -> None:
    assert list(dead_links(FAULTY)) == ["nowhere.md", "#b", "why.md#no-such"]


def test_what_is_no_command_is_seen() -> None:
    assert [words for words in commands(FAULTY.text) if not is_command(words)] == [("fly",), ("key", "lose")]


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("## By operation", "by-operation"),
        ("# [A](b.md): `c`, and *d*", "a-c-and-d"),
        ("### POSTROOM_SECRET", "postroom_secret"),
        ("## What is sent, what isn't", "what-is-sent-what-isnt"),
    ],
)
def test_a_heading_has_the_anchor_that_its_readers_know(heading: str, anchor: str) -> None:
    assert anchors(f"{heading}\n") == {anchor}


def test_headings_of_one_name_are_numbered_and_code_is_no_heading() -> None:
    assert anchors("# A\n# A\n```sh\n# B\n```\n") == {"a", "a-1"}
