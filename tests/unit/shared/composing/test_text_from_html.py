"""The text part that is made of the html: what a reader would read aloud, and each tag of the template in its place."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.composing.check_message import email_problems
from shared.composing.text_from_html import text_from_html
from shared.domain.message_links import links_in_html, links_in_text
from shared.domain.template_tags import read_template
from shared.domain.tokens import TokenKind
from tests.mails import PLAIN, body, mail, web_token


@pytest.mark.parametrize(
    ("html", "text"),
    [
        pytest.param("", "", id="nothing"),
        pytest.param("Hello", "Hello", id="a word"),
        pytest.param("<p>One\n two\t three</p><p>Four</p>", "One two three\n\nFour", id="paragraphs"),
        pytest.param("<h1>Title</h1>Text<h3>Sub</h3>Text", "Title\n\nText\n\nSub\n\nText", id="headings"),
        pytest.param("<div>a</div><div>b</div>", "a\nb", id="blocks on lines of their own"),
        pytest.param("a<br>b<br/><br />c", "a\nb\n\nc", id="line breaks"),
        pytest.param("so<b>me</b> <i>words</i> ", "some words", id="inline elements break no word"),
        pytest.param("<ul><li>a</li><li>b<ul><li>c</ul></ul>", "- a\n- b\n\n  - c", id="lists"),
        pytest.param("<ol><li>a<li>b</ol>", "1. a\n2. b", id="a numbered list"),
        pytest.param("<table><tr><td>a<td>b</tr><tr><th>c</th><td>d</td></tr></table>", "a b\nc d", id="a table"),
        pytest.param("a<hr>b", "a\n\n--------------------\n\nb", id="a rule"),
        pytest.param("<pre>a\n  b</pre>c  d", "a\n  b\n\nc d", id="preformatted"),
        pytest.param("&lt;p&gt; &amp; &nbsp;&euro;&#8364; &copy", "<p> &  €€ ©", id="entities"),
        pytest.param(
            "<head><title>T</title><style>p{}</style></head>a<script>if (a<b) {}</script>b", "ab", id="dropped"
        ),
        pytest.param("a<!-- no --><!--[if mso]><p>no</p><![endif]-->b", "ab", id="comments"),
        pytest.param("<!doctype html><?xml version='1'?>a<![if !mso]>b<![endif]>", "ab", id="declarations"),
        pytest.param('<img src="x" alt="A &amp; b"> <img src="y">', "A & b", id="what stands for a picture"),
        pytest.param("1 < 2 and a<b", "1 < 2 and a", id="signs that open nothing, and what is never closed"),
        pytest.param("<p title='>'>a</p", "a", id="a bracket in an attribute"),
        pytest.param(
            '<a href="https://a.example/?x=1&amp;y=2">the offer</a>.',
            "the offer (https://a.example/?x=1&y=2).",
            id="a link",
        ),
        pytest.param("<a href=https://a.example> <b>a</b> </a>b", "a (https://a.example) b", id="words behind a link"),
        pytest.param(
            '<a href="https://a.example">https://a.example</a>', "https://a.example", id="a link that says itself"
        ),
        pytest.param(
            '<a href="https://a.example"><img alt="Shop"></a>', "Shop (https://a.example)", id="a picture as a link"
        ),
        pytest.param('<a href="https://a.example"><img src=x></a>', "https://a.example", id="a link without words"),
        pytest.param('<a href="https://a.example/(x).">x</a>', "x <https://a.example/(x).>", id="a link with brackets"),
        pytest.param(
            '<a href="mailto:a@b.example">write</a> <a href="mailto:a@b.example">a@b.example</a>',
            "write (a@b.example) a@b.example",
            id="an address",
        ),
        pytest.param(
            '<a href="#top">up</a> <a name="x">here</a> <a href="javascript:x()">run</a>',
            "up here run",
            id="what leads nowhere",
        ),
        pytest.param(
            '<a href="https://a.example">a<a href="https://b.example">b</a>',
            "a (https://a.example) b (https://b.example)",
            id="a link that was not closed",
        ),
    ],
)
def test_what_is_read(html: str, text: str) -> None:
    assert text_from_html(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('<p>Hi {{ vars.name | default("<b>you</b>") }}!</p>', 'Hi {{ vars.name | default("<b>you</b>") }}!'),
        ('<a href="{{ unsubscribe_url }}">leave</a>', "leave ({{ unsubscribe_url }})"),
        ('<a href="https://a.example/{{ vars.x }}?a=1">go</a>', "go (https://a.example/{{ vars.x }}?a=1)"),
        (
            "{% if vars.n < 3 %}<p>few</p>{% else %}<p>many</p>{% endif %}<p>end</p>",
            "{% if vars.n < 3 %}few\n\n{% else %}many\n\n{% endif %}end",
        ),
        ("<ul>{% for x in vars.l %}<li>{{ x }}</li>{% endfor %}</ul>", "{% for x in vars.l %}- {{ x }}\n{% endfor %}"),
        (
            "<ol><li>a</li>{% for x in vars.l %}<li>{{ x }}</li>{% endfor %}</ol>",
            "1. a\n{% for x in vars.l %}- {{ x }}\n{% endfor %}",
        ),
        ("<p>a {% if vars.x %} b{% endif %} c</p>", "a {% if vars.x %}b{% endif %} c"),
        (
            '{% for x in vars.l %}<a href="https://a.example">a</a>{% endfor %}',
            "{% for x in vars.l %}a (https://a.example) {% endfor %}",
        ),
        ('<p class="{% if vars.x %}y{% endif %}">a</p>', "a"),
        ('<img alt="{{ vars.x }}">', "{{ vars.x }}"),
    ],
)
def test_tags_stay_where_they_stand(html: str, text: str) -> None:
    assert text_from_html(html) == text
    assert read_template(text).faults == ()


@pytest.mark.parametrize(
    "html",
    [
        "&#123;{ email }}",
        "{&#123; email }}",
        "{<b></b>{ email }}",
        "&lbrace;% if x %}",
        "{<!-- -->% x %}",
        "{<i>{{ email }}</i>",
    ],
)
def test_what_was_no_tag_becomes_none(html: str) -> None:
    text = text_from_html(html)

    assert [tag.placeholder for tag in read_template(html).tags] == [
        tag.placeholder for tag in read_template(text).tags
    ]
    assert read_template(text).faults == ()


pieces = st.sampled_from(
    [
        *(
            "<p>",
            "</p>",
            "<br>",
            "<li>",
            "<ul>",
            "</ul>",
            "<ol>",
            "<td>",
            "<pre>",
            "</pre>",
            "<style>",
            "</style>",
            "<!--",
            "-->",
        ),
        *(
            '<a href="',
            '<a href="https://a.example/',
            '">',
            "</a>",
            "<a ",
            ">",
            "'",
            '"',
            "=",
            "<",
            "</",
            "<img alt='",
            "&lt;",
            "&#123;",
        ),
        *(
            "{{ email }}",
            "{{ vars.a | upper }}",
            "{% if email %}",
            "{% else %}",
            "{% endif %}",
            "{",
            "%",
            "{{",
            "\n",
            " ",
            "word",
            "\xa0",
        ),
        *("\ufdd0", "\ufdd1", "\ufdd00\ufdd1", "https://b.example", ")", "(", "."),
    ]
)


@given(st.lists(pieces, max_size=30).map("".join) | st.text())
def test_any_html_is_read_without_a_surprise(html: str) -> None:
    text = text_from_html(html)

    assert text == text.strip()
    assert "\n\n\n" not in text or "<pre>" in html
    assert "\ufdd0" not in text
    written = {html[tag.start : tag.end] for tag in read_template(html).tags}
    assert {text[tag.start : tag.end] for tag in read_template(text).tags} <= written


urls = st.from_regex(r"https?://[a-z]{1,5}\.example(/[a-z0-9.,;:!?()_~=%+-]{0,9})?", fullmatch=True)


@given(st.lists(st.tuples(urls, st.sampled_from(["x", "", "see", "(", "a.b"])), min_size=1, max_size=5))
def test_the_links_of_the_text_are_those_of_the_html(links: list[tuple[str, str]]) -> None:
    """In the same order, so that each is tracked by the number that was given to it when the message was written."""
    html = "".join([f'<a href="{url}">{words}</a>' for url, words in links])

    assert [span.url for span in links_in_text(text_from_html(html))] == [span.url for span in links_in_html(html)]


def test_both_parts_lead_the_same_way() -> None:
    html = '<p><a href="https://a.example">a</a>, <a href="https://b.example/?x=1&amp;y=2">b</a></p>'
    message = mail(html=html, text=None, track_clicks=True)
    first, second = (f"https://t.example/c/{web_token(TokenKind.CLICK, number)}" for number in (1, 2))

    assert body(message, "plain") == f"a ({first}), b ({second})\n"
    assert body(message, "html") == f'<p><a href="{first}">a</a>, <a href="{second}">b</a></p>\n'


def test_an_empty_text_is_made_as_an_absent_one() -> None:
    assert body(mail(html="<p>a</p>", text=""), "plain") == "a\n"


def test_html_of_which_no_text_can_be_made_is_refused() -> None:
    """A condition that begins inside of a tag of html and ends outside: half of it would be lost."""
    html = '<p {% if email %}class="a">A{% else %}>B{% endif %}</p>'

    assert [field for field, _ in email_problems(replace(PLAIN, html=html, text=None))] == ["html"]
    assert email_problems(replace(PLAIN, html=html, text="written")) == []


@pytest.mark.parametrize(
    "piece",
    [
        "<!--",
        "<a ",
        "</a ",
        "<![",
        "<a b='",
        "<?",
        "<li>",
        "<style>",
        "<p>x",
        "&#",
        "<a href='x'>",
        "{{ email }}<a href=http://x>",
    ],
)
def test_half_a_million_characters_of_anything_are_read(piece: str) -> None:
    """One look at each: a scan that begins anew at each bracket would take minutes."""
    assert len(text_from_html(piece * (500_000 // len(piece)))) < 1_000_000
