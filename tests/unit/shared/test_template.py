"""Which placeholders are understood, and what stands in their place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.template import MOST_FAULTS, find_placeholders, one_line, plain_lines, value_in


@pytest.mark.parametrize(
    ("source", "name", "default"),
    [
        ("{{ vars.name }}", ("vars", "name"), ""),
        ("{{vars.name}}", ("vars", "name"), ""),
        ("{{ vars.address.city_name }}", ("vars", "address", "city_name"), ""),
        ("{{ vars.größe-2 }}", ("vars", "größe-2"), ""),
        ("{{ email }}", ("email",), ""),
        ("{{ telephone }}", ("telephone",), ""),
        ("{{\n list.name\n}}", ("list", "name"), ""),
        ("{{ unsubscribe_url }}", ("unsubscribe_url",), ""),
        ('{{ vars.name | default("you") }}', ("vars", "name"), "you"),
        ('{{vars.name|default( "a }} \\"b\\" \\\\ > c" )}}', ("vars", "name"), 'a }} "b" \\ > c'),
    ],
)
def test_understood(source: str, name: tuple[str, ...], default: str) -> None:
    found, faults = find_placeholders(f"x{source}y")

    assert faults == []
    assert [(place.name, place.default) for place in found] == [(name, default)]
    assert f"x{source}y"[found[0].start : found[0].end] == source


@pytest.mark.parametrize(
    "source",
    [
        "{{ env }}",
        "{{ vars }}",
        "{{ vars. }}",
        "{{ vars.a..b }}",
        "{{ vars.__class__() }}",
        "{{ vars.name | upper }}",
        "{{ vars.name | default(you) }}",
        "{{ vars.name | default('you') }}",
        "{{ email.x }}",
        "{{ 7 * 7 }}",
        "{{ }}",
        "{{}}",
        "{{ email",
        "{{ email }",
        "{{{ email }}}",
    ],
)
def test_anything_else_is_a_fault(source: str) -> None:
    assert len(find_placeholders(source)[1]) >= 1


def test_all_faults_are_found_at_once_and_the_rest_is_read() -> None:
    found, faults = find_placeholders("{{ a }} {{ email }} {{ b }} {{ vars.x | c }} {{ vars.y }} {{ open")

    assert [place.name for place in found] == [("email",), ("vars", "y")]
    assert len(faults) == 4


def test_a_flood_of_faults_is_cut_short() -> None:
    assert len(find_placeholders("{{ a }}" * 1000)[1]) == MOST_FAULTS


@pytest.mark.parametrize("source", ["", "{ email }", "a{b:c{d}}", "{% if x %}", "}}"])
def test_single_braces_are_text(source: str) -> None:
    assert find_placeholders(source) == ([], [])


@given(st.text('{} |"\\()varsdeful.nm\n'))
def test_any_text_is_read_without_a_surprise(source: str) -> None:
    for place in find_placeholders(source)[0]:
        assert source[place.start : place.end].startswith("{{")
        assert source[place.start : place.end].endswith("}}")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"a": {"b": "x"}}, "x"),
        ({"a": {"b": 7}}, "7"),
        ({"a": {"b": 7.5}}, "7.5"),
        ({"a": {"b": True}}, "true"),
        ({"a": {"b": None}}, ""),
        ({"a": {"b": {"c": 1}}}, ""),
        ({"a": {"b": [1]}}, ""),
        ({"a": "x"}, ""),
        ({"a": None}, ""),
        ({}, ""),
    ],
)
def test_values_lie_in_nested_objects(values: dict[str, object], text: str) -> None:
    assert value_in(values, ("a", "b")) == text


@given(st.text())
def test_one_line_has_no_control(text: str) -> None:
    line = one_line(text)

    assert len(line.splitlines()) <= 1
    assert not any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 or c in "\u2028\u2029" for c in line)


@given(st.text())
def test_plain_lines_end_in_lf_alone(text: str) -> None:
    lines = plain_lines(text)

    assert lines.splitlines() == lines.removesuffix("\n").split("\n") or not lines
    assert plain_lines("a\r\nb\rc\nd\0\te") == "a\nb\nc\nd\te"
