"""Conditions, loops and filters, whatever the recipient's values are; and that nobody gets more than was allowed."""

import html
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.composing import template_engine
from shared.composing.compile_program import MOST_PIECES
from shared.composing.prepare_message import LARGEST
from shared.composing.template_engine import FREE_STEPS, Program, Unrenderable
from shared.domain.template import one_line
from tests.mails import body, html_of_mail, mail, octets, text_of_mail

ODD = [
    None,
    "",
    "Ada",
    "5",
    5,
    5.0,
    -0.5,
    True,
    False,
    0,
    [],
    {},
    [1, "a", None, [2], {"a": 1}],
    {"a": [1], "items": 2},
]

scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(-1e18, 1e18) | st.text()
data = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)
names = st.sampled_from(
    ["vars.a", "vars.b", "vars.a.b", "vars.items", "vars.größe-2", "email", "list.name", "vars.none"]
)
defaults = st.text("ab <&\"'\n\té{}", max_size=5)
literals = st.text("ab <&>\"'\n\té%}#", max_size=8)
everything = st.fixed_dictionaries({}, optional=dict.fromkeys(("a", "b", "items", "größe-2"), data))


EVERYTHING_THERE_IS = (
    "{{ vars.x }}{{ vars.x | upper | lower | capitalize | title | trim | truncate(3) | replace('a', 'b') }}"
    "{{ vars.x | urlencode }}{{ vars.x | int }}{{ vars.x | float }}{{ vars.x | round(9) }}{{ vars.x | length }}"
    "{{ vars.x | first }}{{ vars.x | last }}{{ vars.x | join('-') }}{{ vars.x | default(vars.y) }}"
    "{{ vars.x ~ vars.y }}{{ vars.x.a.items.b }}{{ vars.x if vars.y }}"
    "{% for i in vars.x %}{{ i }}{{ i.a }}{% endfor %}{% for i in vars.x | first %}{% endfor %}"
    "{% if vars.x in vars.y or vars.x not in ['a', 1, none] %}{% endif %}"
    "{% if vars.x is odd or vars.x is even or vars.x is none or vars.x is defined %}{% endif %}"
    "{% if vars.x < vars.y or vars.x <= vars.y or vars.x > vars.y or vars.x >= vars.y or vars.x == vars.y %}{% endif %}"
)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(st.lists(st.tuples(literals, names, st.none() | defaults), max_size=6), literals, everything)
def test_what_is_cut_and_what_is_rendered_read_alike(
    pieces: list[tuple[str, str, str | None]], end: str, values: dict[str, Any]
) -> None:
    """One template of placeholders, written so that it is cut into pieces, and so that the engine renders it."""
    tails = [f" | default({quoted(default)})" if default is not None else "" for _, _, default in pieces]
    end += "."
    cut = "".join([f"{text}{{{{ {name}{tail} }}}}" for (text, name, _), tail in zip(pieces, tails, strict=True)]) + end
    run = (
        "".join([f"{text}{{{{ ({name}){tail} }}}}" for (text, name, _), tail in zip(pieces, tails, strict=True)]) + end
    )
    run += "{% if not email %}{% endif %}"

    assert text_of_mail(cut, values) == text_of_mail(run, values)
    assert html.unescape(html_of_mail(cut, values)) == html.unescape(html_of_mail(run, values))


@pytest.mark.parametrize("value", ["Ada", "ü\r\nBcc: x", 5, 7.5, True, None, [1], "", "{{ email }}"])
def test_a_subject_that_is_rendered_reads_as_one_that_is_cut(value: object) -> None:
    cut = mail({"a": value}, subject='Hi {{ vars.a | default("you") }}')["Subject"]

    assert mail({"a": value}, subject='Hi {{ (vars.a) | default("you") }}')["Subject"] == cut
    assert mail({"a": value}, subject='Hi {% if email %}{{ vars.a | default("you") }}{% endif %}')["Subject"] == cut


@pytest.mark.parametrize(
    ("source", "values", "text"),
    [
        ("{% if vars.a %}yes{% else %}no{% endif %}", {"a": "x"}, "yes"),
        ("{% if vars.a %}yes{% else %}no{% endif %}", {}, "no"),
        ("{% if vars.a.b.c %}yes{% elif vars.d %}d{% endif %}.", {"a": 1, "d": 0}, "."),
        ("{% if vars.n > 5 %}a{% elif vars.n == 5 %}b{% endif %}", {"n": "5"}, "b"),
        ("{% if vars.n >= 5 and vars.n <= 5.0 %}a{% endif %}", {"n": "5"}, "a"),
        ("{% if vars.n < 5 %}a{% else %}none{% endif %}", {}, "none"),
        ("{% if vars.n != 'x' %}a{% endif %}", {"n": "y"}, "a"),
        ("{% if vars.n < 'b' %}a{% endif %}", {"n": "a"}, "a"),
        ("{% if vars.a in ['x', 5] %}a{% endif %}", {"a": "5"}, "a"),
        ("{% if vars.a not in ['x', 5] %}a{% endif %}", {"a": "6"}, "a"),
        ("{% if 'red' in vars.tags %}a{% endif %}", {"tags": ["blue", "red"]}, "a"),
        ("{% if '@example' in email %}a{% endif %}", {}, "a"),
        ("{% if 'a' in vars.a %}a{% endif %}", {"a": {"a": None}}, "a"),
        ("{% if vars.a is defined %}a{% endif %}{% if vars.b is not defined %}b{% endif %}", {"a": None}, "ab"),
        ("{% if vars.a is none and 3 is odd and 4 is even %}a{% endif %}", {"a": None}, "a"),
        ("{% if not (vars.a or vars.b) %}a{% endif %}", {}, "a"),
        ("{{ 'Ms ' ~ vars.a if vars.f else vars.a ~ 5 ~ true ~ none }}", {"a": "X"}, "X5true"),
        (
            "{% for x in vars.l %}{{ loop.index }}:{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}",
            {"l": ["a", 2]},
            "1:a, 2:2",
        ),
        ("{% for x in vars.l %}{{ x }}{% else %}nothing{% endfor %}", {"l": []}, "nothing"),
        ("{% for x in vars.l %}{{ x }}{% else %}nothing{% endfor %}", {"l": "text"}, "nothing"),
        (
            "{% for x in vars.l %}{{ x.a.b }}{% for y in x.c %}{{ y }}{{ x.d }}{% endfor %}{% endfor %}",
            {"l": [{"a": {"b": 1}}, {"c": [2, 3], "d": 4}]},
            "12434",
        ),
        (
            "{{ vars.a | upper }} {{ vars.a | lower }} {{ vars.a | capitalize }} {{ vars.a | title }}",
            {"a": "ada LOVE"},
            "ADA LOVE ada love Ada love Ada Love",
        ),
        (
            "[{{ vars.a | trim }}] {{ vars.a | truncate(6) }} {{ vars.a | replace('a', 'o') }}",
            {"a": " a b a b "},
            "[a b a b]  a...  o b o b ",
        ),
        (
            "{{ vars.a | urlencode }} {{ vars.a | length }} {{ vars.l | length }} {{ vars.n | length }}",
            {"a": "ü &", "l": [1], "n": 5},
            "%C3%BC%20%26 3 1 0",
        ),
        (
            "{{ vars.l | first }}{{ vars.l | last }} {{ vars.l | join(', ') }} {{ vars.l | join }}",
            {"l": ["a", 5.0, None]},
            "a a, 5,  a5",
        ),
        (
            "{{ vars.a | round(2) }} {{ vars.a | round }} {{ vars.a | int }} {{ vars.a | float }}",
            {"a": "2.675"},
            "2.68 3 2 2.675",
        ),
        ("{{ vars.a | round(2) }}|{{ vars.a | int }}|{{ vars.b | float }}", {"a": "x"}, "|0|0"),
        ("{{ vars.a | default(vars.b) | default('c') }}", {"b": []}, "c"),
        ("{{ vars.a | default('no') | upper }}", {}, "NO"),
        ("a  {%- if email -%}  b  {%- endif %}  c\n", {}, "ab  c"),
        ("{{ list.name | upper }}{{- ' ' ~ telephone -}}  .", {}, "READERS & WRITERS +441632960000."),
        ("{% if list.name == 'Readers & Writers' %}{{ list.name }}{% endif %}", {}, "Readers & Writers"),
        ("{# {{ email }} #}{% if email %}{# x #}{% endif %}", {}, "{# ada@example.org #}{# x #}"),
    ],
)
def test_what_is_printed(source: str, values: dict[str, Any], text: str) -> None:
    assert text_of_mail(source, values) == text


def test_html_is_escaped_and_text_is_not() -> None:
    source = "{{ vars.a | upper }}{% for x in vars.l %}{{ x }}{% endfor %}{{ '<i>' ~ vars.a }}{{ vars.a }}"
    values = {"a": "<b>&\"'", "l": ["<script>"]}

    assert text_of_mail(source, values) == "<B>&\"'<script><i><b>&\"'<b>&\"'"
    assert html.unescape(html_of_mail(source, values)) == "<B>&\"'<script><i><b>&\"'<b>&\"'"
    assert not set("<>\"'") & set(html_of_mail(source, values))


@pytest.mark.parametrize("field", ["subject", "text", "html"])
def test_no_value_of_any_kind_makes_a_template_fail(field: str) -> None:
    """Each filter, test and operator, over everything that vars may hold."""
    for x, y in product(ODD, ODD):
        assert octets({"x": x, "y": y}, **{"text": "x", field: EVERYTHING_THERE_IS})


@given(data, data)
def test_no_data_at_all_does(x: object, y: object) -> None:
    assert octets({"x": x, "y": y}, text="{{ vars.x | upper }}{% if vars.x < vars.y or vars.x in vars.y %}{% endif %}")


@pytest.mark.parametrize(
    "name", ["items", "keys", "get", "pop", "append", "count", "index", "format", "upper", "_members"]
)
def test_data_has_members_and_nothing_else(name: str) -> None:
    """No method of Python shows through, and a member that is called like one is that member."""
    source = "[{{ (vars.N) }}{{ (vars.a.N) }}{% if vars.N or vars.l.N %}x{% endif %}]".replace("N", name)

    assert text_of_mail(source, {"a": {}, "l": []}) == "[]"
    assert text_of_mail(source, {name: 1, "a": {name: "<2>"}}) == "[1<2>x]"


LOOP, END = "{% for x in vars.l %}", "{% endfor %}"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (LOOP + "{% for y in vars.l %}{% if y %}{% endif %}{% endfor %}" + END, "steps"),
        ("".join(f"{{% for x{n} in vars.l %}}" for n in range(8)) + "{{ email }}" + END * 8, "steps"),
        (LOOP + "{{ vars.long ~ x }}" + END, "steps"),
        ("{{ vars.long" + " | replace('x', 'xxxxxxxxxxxxxxxxxxxx')" * 9 + " | length }}", "steps"),
        ("{{ vars.long" + " ~ vars.long" * 90 + " }}", "steps"),
        (LOOP + "{{ vars.l | join('" + "x" * 300 + "') | length }}" + END, "steps"),
        (LOOP + "{% if x in vars.l %}{% endif %}" + END, "steps"),
        (LOOP + "x" * 100_000 + END, "octets"),
        (LOOP + "{{ vars.long }}" + END, "octets"),
        (LOOP + "{{ vars.short }} " * 100 + END, "pieces"),
        ("{{ vars.long }}" * 300, "octets"),
        ("{% if email %}{% endif %}" + "{{ vars.long }}" * 300, "octets"),
    ],
)
@pytest.mark.parametrize("field", ["text", "html"])
def test_what_takes_too_much_fails_and_says_so(source: str, reason: str, field: str) -> None:
    """For the recipient whose values make it so; the template as such may be sent."""
    limit = {"steps": FREE_STEPS, "octets": LARGEST, "pieces": MOST_PIECES}[reason]
    content = {"text": "x", field: source}

    assert octets({}, **content)
    with pytest.raises(Unrenderable, match=f"more than {limit:,} {reason}"):
        octets({"l": list(range(2_000)), "long": "x" * 60_000}, **content)


def test_a_reason_holds_nothing_of_the_recipient() -> None:
    with pytest.raises(Unrenderable) as raised:
        octets({"l": ["secret@example.org"] * 5_000}, text="{% for x in vars.l %}{{ x | upper }}{% endfor %}")

    assert "secret" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_a_list_of_a_thousand_fits() -> None:
    source = "{% for x in vars.l %}{{ loop.index }}. {{ x.name | upper }}\n{% endfor %}"

    assert text_of_mail(source, {"l": [{"name": "a"}] * 1_000}).endswith("\n1000. A\n")


def test_a_template_of_the_most_tags_fits() -> None:
    """The budget grows with the template, so that each of its tags can be done once."""
    assert text_of_mail("{{ (vars.a) }}" * 5_000, {"a": "b"}) == "b" * 5_000


@pytest.mark.parametrize(
    "code", ["\x01% if %\x01", "\x01{ range(3) }\x01", "\x01% include 'x' %\x01", "\x01{ a | nothing }\x01"]
)
def test_code_that_the_engine_does_not_understand_is_an_error_once(code: str) -> None:
    with pytest.raises(ValueError, match="cannot be rendered"):
        Program(code, escaped=False)


class PanicException(BaseException):
    """Called as the engine's own, which cannot be imported."""


@pytest.mark.parametrize("surprise", [RuntimeError, RecursionError, PanicException])
def test_a_surprise_of_the_engine_is_this_recipient_s_alone(
    monkeypatch: pytest.MonkeyPatch, surprise: type[BaseException]
) -> None:
    def broken(value: object) -> str:
        raise surprise

    monkeypatch.setitem(template_engine._FILTERS, "text", broken)
    program = Program("\x01% if vars.a %\x01\x01{ vars.a|text }\x01\x01% endif %\x01", escaped=False)

    assert program.render({"vars": {}}) == ""
    with pytest.raises(Unrenderable, match=f"cannot be rendered: {surprise.__name__}"):
        program.render({"vars": {"a": 1}})


def test_who_stops_the_process_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(value: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setitem(template_engine._FILTERS, "text", stopped)
    with pytest.raises(KeyboardInterrupt):
        Program("\x01{ vars|text }\x01", escaped=False)


@given(st.text("\x00\x01\x020123456789{}%é"), st.integers(0, 9))
def test_no_value_is_taken_for_a_place(value: str, number: int) -> None:
    """Neither the cuts nor the tags of the engine can be brought in by data."""
    values = {"a": f"\x00{number}\x00" + value, "l": [f"\x00{number}\x00", value]}
    source = (
        "{{ vars.a }}<{{ (vars.a) }}{% for x in vars.l %}{{ x }}{% endfor %}{{ vars.a | trim }}> {{ unsubscribe_url }}"
    )
    own = "".join(sign for sign in f"{number}{value}" if sign >= " ")
    shown = "".join(sign for sign in f"{number}{value}{number}{value}{number}{value}" if sign >= " ")

    assert text_of_mail(source, values).startswith(f"{own}<{shown}> https://t.example/u/")


def test_a_character_of_the_engine_in_a_template_is_dropped() -> None:
    assert (
        text_of_mail("a\x01{ email }\x01b{% if email %}\x01% x %\x01{% endif %}") == "a\x01{ email }\x01b\x01% x %\x01"
    )
    assert mail(subject="{% if email %}x{% endif %}")["Subject"] == "x"
    assert one_line(body(mail(text="{{ '\x01{ email }\x01' | upper }}"), "plain")) == "{ EMAIL }"
