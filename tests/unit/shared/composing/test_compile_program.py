"""A message with conditions and loops in it is tracked, offers its way out and is written as any other."""

import re
from dataclasses import replace
from typing import Any

import pytest

from shared.domain.tokens import TokenKind
from tests.mails import body, html_of_mail, mail, octets, text_of_mail, web_token

UNSUBSCRIBE = f"https://t.example/u/{web_token(TokenKind.UNSUBSCRIBE)}"
PIXEL = f'<img src="https://t.example/o/{web_token(TokenKind.OPEN)}" width="1" height="1" alt="">'
HTML_FOOTER = f'<p><a href="{UNSUBSCRIBE}">Unsubscribe</a></p>'
TEXT_FOOTER = f"\n\n-- \nUnsubscribe: {UNSUBSCRIBE}"


def click(number: int) -> str:
    return f"https://t.example/c/{web_token(TokenKind.CLICK, number)}"


def test_links_are_tracked_wherever_they_stand() -> None:
    """Those that differ between recipients are left alone, as in any message."""
    source = (
        '{% if vars.a %}<a href="https://a.example">a</a>{% else %}<a href="https://b.example">b</a>{% endif %}'
        '{% for x in vars.l %}<a href="https://c.example/?x=1&amp;y=2">{{ x }}</a>{% endfor %}'
        '<a href="https://d.example/{{ vars.a }}">d</a><a href="{% if vars.a %}https://e.example{% endif %}">e</a>'
    )

    assert html_of_mail(source, {"a": "A", "l": [1, 2]}, track_clicks=True) == (
        f'<a href="{click(1)}">a</a><a href="{click(3)}">1</a><a href="{click(3)}">2</a>'
        '<a href="https://d.example/A">d</a><a href="https://e.example">e</a>'
    )
    assert html_of_mail(source, {}, track_clicks=True).startswith(f'<a href="{click(2)}">b</a><a href="https://d')


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{% if email %}https://a.example {% endif %}", f"{click(1)} "),
        ("(https://a.example){% if email %}{% endif %}", f"({click(1)})"),
        ("https://a.example/{% if email %}x{% endif %}", "https://a.example/x"),
        ("<https://a.example/.>{% if email %}x{% endif %}", f"<{click(1)}>x"),
        ("https://a.example/{{ email | upper }}", "https://a.example/ADA@EXAMPLE.ORG"),
        ("{{ 'https://a.example' | trim }}", "https://a.example"),
    ],
)
def test_links_of_a_text(source: str, text: str) -> None:
    assert text_of_mail(source, track_clicks=True) == text


@pytest.mark.parametrize(
    ("source", "values", "footers"),
    [
        pytest.param("Hi", {}, 1, id="no way out written"),
        pytest.param("{% if email %}Hi{% endif %}", {}, 1, id="none, in a rendered one"),
        pytest.param("{{ unsubscribe_url }}", {}, 0, id="always there"),
        pytest.param("{% if email %}Hi{% endif %}{{ unsubscribe_url }}", {}, 0, id="always there, in a rendered one"),
        pytest.param("{% if vars.a %}{{ unsubscribe_url }}{% endif %}", {"a": 1}, 0, id="for whom it is there"),
        pytest.param("{% if vars.a %}{{ unsubscribe_url }}{% endif %}", {}, 1, id="for whom it is not there"),
        pytest.param("{% for x in vars.l %}{{ unsubscribe_url }}{% endfor %}", {"l": [1]}, 0, id="in a loop that runs"),
        pytest.param("{% for x in vars.l %}{{ unsubscribe_url }}{% endfor %}", {"l": []}, 1, id="in one that does not"),
    ],
)
def test_everybody_is_offered_one_way_out(source: str, values: dict[str, Any], footers: int) -> None:
    """Of a message for marketing, in each part by itself; whoever is offered none by the author gets the footer."""
    text = text_of_mail(source, values, marketing=True)
    markup = html_of_mail(source, values, marketing=True)
    both = mail(values, html=source, text=None, marketing=True)

    assert text.count(TEXT_FOOTER) == markup.count(HTML_FOOTER) == footers
    assert text.count(UNSUBSCRIBE) == markup.count(UNSUBSCRIBE) == 1
    assert body(both, "plain").count(UNSUBSCRIBE) == body(both, "html").count(UNSUBSCRIBE) == 1
    assert both["List-Unsubscribe"] == f"<{UNSUBSCRIBE}>"


@pytest.mark.parametrize("source", ["Hi", "{% if vars.a %}{{ unsubscribe_url }}{% endif %}Hi"])
def test_a_service_message_gets_no_footer(source: str) -> None:
    message = mail({}, html=source, text=None, marketing=False)

    assert "nsubscribe" not in body(message, "plain") + body(message, "html")
    assert (message["List-Unsubscribe"] is None) == ("unsubscribe" not in source)


def test_a_way_out_in_a_comment_is_none() -> None:
    source = "<body><!-- {{ unsubscribe_url }} --><p>Hi</p></body>"

    assert html_of_mail(source, marketing=True).count(HTML_FOOTER) == 1


@pytest.mark.parametrize(
    "source",
    [
        "<body>{% if vars.a %}x{% endif %}</body>",
        "<body>{% if vars.a %}x</body>{% else %}y</body>{% endif %}",
        "{% for x in vars.l %}</body>{% endfor %}",
        '{{ "</body>" | trim }}',
    ],
)
@pytest.mark.parametrize("values", [{"a": 1, "l": []}, {"l": [1, 2]}])
def test_footer_and_pixel_stand_where_everybody_gets_them_once(source: str, values: dict[str, Any]) -> None:
    found = html_of_mail(source, values, marketing=True, track_opens=True)

    assert f"{HTML_FOOTER}\n{PIXEL}" in found
    assert found.count(PIXEL) == 1


def test_a_retry_repeats_every_octet_and_each_recipient_has_tokens_of_his_own() -> None:
    given: dict[str, Any] = {
        "html": "{% if email %}<a href='https://a.example'>a</a>{% endif %}",
        "track_clicks": True,
        "marketing": True,
    }

    assert octets({}, **given) == octets({}, **given)
    kinds = re.findall(r"https://t\.example/([cu])/", body(mail({}, **given), "html"))
    assert kinds == ["c", "u"]


def test_lines_are_as_strict_servers_want_them() -> None:
    source = "{% for x in vars.l %}.{{ x | upper }}\n..\n.\n{% endfor %}" + "é" * 500
    content = octets({"l": [".", ".\r\n.", "x" * 500]}, text=source, html=source, subject="{{ vars.l | join(' ') }}")
    lines = content.split(b"\r\n")

    assert content.isascii()
    assert max(map(len, lines)) <= 76
    assert not any(line.startswith(b".") or b"\n" in line or b"\r" in line for line in lines)


def test_a_body_without_conditions_is_cut_and_not_rendered() -> None:
    """The fast way: also beside a body that is rendered."""
    from shared.composing.prepare_message import prepare
    from tests.mails import CONTEXT, PLAIN

    simple = prepare(replace(PLAIN, html="{{ vars.a }}", text="{{ vars.a }}"), CONTEXT)
    mixed = prepare(replace(PLAIN, html="{{ vars.a }}", text="{{ vars.a | upper }}"), CONTEXT)
    subject = prepare(replace(PLAIN, subject="{{ vars.a | upper }}"), CONTEXT)

    assert (simple.simple, len(simple.programs), len(simple.values)) == (True, 0, 1)
    assert (mixed.simple, len(mixed.programs), len(mixed.values)) == (False, 1, 1)
    assert (subject.simple, subject.programs) == (False, ())
