"""Which links of a message are tracked, and that nothing around them is touched."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.message_links import extract_links, links_in_html


@pytest.mark.parametrize(
    ("html", "urls"),
    [
        ('<a href="https://a.example/">x</a>', ["https://a.example/"]),
        ("<A CLASS=x HREF='HTTP://a.example'>x</A>", ["HTTP://a.example"]),
        ("<a href=http://a.example/x>y</a>", ["http://a.example/x"]),
        ('<a\n title="a > b"\n href = " http://a.example "\n>', ["http://a.example"]),
        ('<a href="http://a.example/?x=1&amp;y=2&copy=3&#38;z=4">', ["http://a.example/?x=1&y=2&copy=3&z=4"]),
        ('<a href="http://a.example" href="http://b.example">', ["http://a.example"]),
        (
            '<a href="http://b.example"><a href="http://a.example"><a href="http://b.example">',
            ["http://b.example", "http://a.example"],
        ),
        ('<a href="mailto:a@b.example">', []),
        ('<a href="#top">', []),
        ('<a href="/relative">', []),
        ('<a href="javascript:alert(1)">', []),
        ('<a href="http://a.example/a b">', []),
        ('<a href="http://a.example/\nb">', []),
        ("<a href>", []),
        ('<a name="x">', []),
        ('<a data-href="http://a.example">', []),
        ('<abbr href="http://a.example">', []),
        ('<link href="http://a.example"><img src="http://b.example">', []),
        ('<!-- <a href="http://a.example"> -->', []),
        (
            '<style>x</style ><script>"<a href=http://a.example>"</script><a href="http://b.example">',
            ["http://b.example"],
        ),
        ('<a href="{{ vars.url }}">', []),
        ('<a href="http://a.example/{{ email }}">', []),
        ('<a href="{% if email %}http://a.example{% else %}http://b.example{% endif %}">', []),
        ('{% if email == "<a href=http://a.example>" %}<a href="http://b.example">{% endif %}', ["http://b.example"]),
        ('<a href="{{ vars.url | default("http://a.example") }}">', []),
        ('<a title={{ vars.x | default("a > b") }} href="http://a.example">', ["http://a.example"]),
        ('<a href="http://a.example', []),
    ],
)
def test_links_in_html(html: str, urls: list[str]) -> None:
    assert extract_links(html, None) == urls


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("See http://a.example.", ["http://a.example"]),
        ("(https://a.example/x_(y)), <http://b.example>!", ["https://a.example/x_(y)", "http://b.example"]),
        ("http://a.example/?q={{ email }} http://b.example/", ["http://b.example/"]),
        ("http://{{ vars.host }}/x", []),
        ("<http://a.example/(x.> <http://b.example/.", ["http://a.example/(x.", "http://b.example/"]),
        ("http://a.example{% if email %}/x{% endif %}", []),
        ("{% if email %}(http://a.example){% endif %}", ["http://a.example"]),
        ("ftp://a.example mailto:x@y.example www.a.example", []),
        ("http://", []),
    ],
)
def test_links_in_text(text: str, urls: list[str]) -> None:
    assert extract_links(None, text) == urls


def test_both_parts_share_their_numbers() -> None:
    html = '<a href="http://a.example/?x=1&amp;y=2"><a href="http://b.example/">'

    assert extract_links(html, "http://c.example/ http://a.example/?x=1&y=2") == [
        "http://a.example/?x=1&y=2",
        "http://b.example/",
        "http://c.example/",
    ]


def test_a_span_is_what_is_written() -> None:
    html = '<p>é<a href="http://a.example/?x&amp;y">'
    (span,) = links_in_html(html)

    assert html[span.start : span.end] == "http://a.example/?x&amp;y"


class Oracle(HTMLParser):
    """What the standard library's parser finds."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        url = dict(reversed(attrs)).get("href") if tag == "a" else None
        if url and url.startswith("http"):
            self.urls.append(url)


attributes = st.sampled_from(
    [
        'href="http://a.example/x"',
        "href = 'http://b.example/?q=1&amp;r=2'",
        "href=http://c.example",
        "HREF='#top'",
        'title="q > r"',
        "class=x",
        "hidden",
    ]
)
tags = st.builds(
    lambda name, words: f"<{name} {' '.join(words)}>", st.sampled_from(["a", "A", "b", "abbr"]), st.lists(attributes)
)
hidden = ["<!-- <a href='http://x.example'> -->", "<style><a href=http://y.example></style>"]
others = st.sampled_from(["text", "</a>", "<a>", "\n", "é", "<", *hidden])


@given(st.lists(tags | others))
def test_found_as_a_parser_finds_them(pieces: list[str]) -> None:
    html = " ".join(pieces)
    oracle = Oracle()
    oracle.feed(html)
    oracle.close()

    assert [span.url for span in links_in_html(html)] == oracle.urls


TAGS_BROKEN_OFF = ["<a ", '<a "', "<a '", "<a x=", "<script>", "<!--", '<a href="x" ']
URLS_AND_MARKS = ["http://x", "http://x)", ")", "&amp", "{{", "{{ ", '{{ a | default("']


@pytest.mark.parametrize("piece", TAGS_BROKEN_OFF + URLS_AND_MARKS)
def test_no_text_takes_long(piece: str) -> None:
    """A scan that looks twice at the same character takes hours here: the suite's limit per test would end it."""
    hostile = "http://x" + piece * 100_000

    assert len(extract_links(hostile, hostile)) <= 2
