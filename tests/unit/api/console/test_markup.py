"""HTML out of values: what is text stays text, whatever is in it."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.console.markup import Markup, el, text


class Reader(HTMLParser):
    """What a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words = ""
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.words += data


def read(markup: str) -> Reader:
    reader = Reader()
    reader.feed(markup)
    reader.close()
    return reader


#: As a browser normalises line ends and NULs, these are left out.
given_text = st.text(st.characters(exclude_characters="\r\x00", exclude_categories=["Cs"]))


@given(given_text)
def test_any_text_comes_out_as_it_went_in(words: str) -> None:
    """Between tags and in an attribute; nothing of it becomes a tag."""
    reader = read(el("p", words, title=words))

    assert (reader.tags, reader.words, reader.attributes) == (["p"], words, [("title", words)])


@pytest.mark.parametrize(
    ("made", "html"),
    [
        pytest.param(el("p", "a", el("b", "<"), 7), "<p>a<b>&lt;</b>7</p>", id="children in their order"),
        pytest.param(el("p", ["a", ["b", None]]), "<p>ab</p>", id="lists, and nothing for None"),
        pytest.param(el("input", name="a", value="'\""), '<input name="a" value="&#x27;&quot;">', id="no end"),
        pytest.param(el("rect", width=1.5), '<rect width="1.5"></rect>', id="in svg everything ends"),
        pytest.param(el("p", hidden=False, title=None), "<p></p>", id="no attribute for False and None"),
        pytest.param(el("p", hidden=True), "<p hidden></p>", id="an attribute without a value"),
        pytest.param(el("p", class_="a", aria_label="b"), '<p class="a" aria-label="b"></p>', id="names"),
        pytest.param(el("svg", viewBox="0 0 1 1"), '<svg viewBox="0 0 1 1"></svg>', id="capitals stay"),
        pytest.param(text(Markup("<b>")), "<b>", id="what we wrote ourselves"),
    ],
)
def test_an_element_is_spelled(made: Markup, html: str) -> None:
    assert made == html
