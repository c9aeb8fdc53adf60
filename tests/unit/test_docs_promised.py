"""The pages that somebody comes for, by what he wants to know: none of them goes without being missed."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.pages import ROOT, every_page

DOCS = ROOT / "docs"
CONCEPTS = (
    "ordinals-and-sets",
    "attempts-and-doubt",
    "campaigns",
    "tasks",
    "callbacks",
    "the-relays-business",
    "states",
)
HOW_TO = (
    *("first-send", "bounce-domain-and-dns", "send-sms", "scale-out", "rotate-keys", "restore", "replay"),
    *("run-on-kubernetes", "watch-it", "console", "listen-to-events"),
)
REFERENCE = ("settings", "metrics", "events", "errors")
PEERS = ("listmonk", "Mautic", "Postal", "GOV.UK Notify")


def text_of(*path: str) -> str:
    return DOCS.joinpath(*path).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "page",
    [
        "quick-start.md",
        *(f"concepts/{name}.md" for name in CONCEPTS),
        *(f"how-to/{name}.md" for name in HOW_TO),
        *(f"reference/{name}.md" for name in REFERENCE),
    ],
)
def test_the_page_is_there_and_in_the_index(page: str) -> None:
    assert len((DOCS / page).read_text(encoding="utf-8")) > 500
    assert page.partition("#")[0] in text_of("README.md")


def test_four_others_are_compared_point_by_point_and_each_is_ahead_in_something() -> None:
    """Every row of the comparison has a word on each of them."""
    why = text_of("why.md")
    points = why.partition("## Point by point")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in points.strip().splitlines() if line.startswith("|")]

    assert [cell.strip() for cell in rows[0]] == ["", *PEERS, "Postroom"]
    assert len(rows) > 12
    assert [row for row in rows[2:] if len(row) != len(PEERS) + 2 or not all(cell.strip() for cell in row)] == []
    ahead = why.partition("## Where they are ahead")[2].partition("\n## ")[0]
    assert [peer for peer in PEERS if f"**{peer}**" not in ahead] == []


def test_what_is_the_relays_business_is_said() -> None:
    page = text_of("concepts", "the-relays-business.md")

    assert missing(page, ("MX", "pools", "Warming up", "TLS-RPT")) == []


def test_what_could_not_be_tried_is_said() -> None:
    """Of image, chart and broker."""
    untried = text_of("how-to", "run-on-kubernetes.md").partition("**Not tried**")[2]

    assert missing(untried, ("a cluster", "an operator", "KEDA", "the building of the image", "RabbitMQ 4")) == []


def test_every_photograph_is_one_that_the_tests_take() -> None:
    """And the README shows one. Plots are the bench's."""
    takes = (ROOT / "tests/browser/test_console_pictures.py").read_text(encoding="utf-8")
    taken = set(re.findall(r'picture\("([^"]+)"', takes))
    shown = {Path(name).name for page in every_page() for name in re.findall(r"!\[[^]]*\]\(([^)]+\.png)\)", page.text)}

    assert {path.name for path in (DOCS / "images").glob("*.png")} == taken
    assert shown <= taken
    assert "docs/images/console-task.png" in (ROOT / "README.md").read_text(encoding="utf-8")


def missing(text: str, wanted: Iterable[str]) -> list[str]:
    return [words for words in wanted if words not in text]
