"""Which placeholders are understood, and what stands in their place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.template import DEEPEST_PATH, one_line, plain_lines, read_placeholder, text_of, value_in


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
        ("{{ vars.name | default('you \\' \"') }}", ("vars", "name"), "you ' \""),
        ('{{vars.name|default( "a }} \\"b\\" \\\\ > c" )}}', ("vars", "name"), 'a }} "b" \\ > c'),
    ],
)
def test_understood(source: str, name: tuple[str, ...], default: str) -> None:
    found = read_placeholder(f"x{source}y", 1)

    assert found is not None
    assert (found[0].name, found[0].default) == (name, default)
    assert f"x{source}y"[1 : found[1]] == source


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
        "{{ email.x }}",
        "{{ 7 * 7 }}",
        "{{ }}",
        "{{}}",
        "{{ email",
        "{{ email }",
        "{{{ email }}}",
        "{% if email %}",
        "x{{ email }}",
        "{{ vars" + ".a" * (DEEPEST_PATH + 1) + " }}",
    ],
)
def test_anything_else_is_no_placeholder(source: str) -> None:
    assert read_placeholder(source, 0) is None


@given(st.text('{} |"\\()varsdeful.nm\n'))
def test_any_text_is_read_without_a_surprise(source: str) -> None:
    found = read_placeholder("{{" + source, 0)

    assert found is None or ("{{" + source)[: found[1]].endswith("}}")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (7, "7"),
        (-7.5, "-7.5"),
        (5.0, "5"),
        (1e15, "1000000000000000"),
        (1e300, "1e+300"),
        (True, "true"),
        (False, "false"),
        (None, ""),
        ([1], ""),
    ],
)
def test_how_a_value_is_printed(value: object, text: str) -> None:
    assert text_of(value) == text


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


@given(st.text() | st.text("a\r\n\x0b\x85\u2028\u202e\u2066é"))
def test_one_line_has_no_control(text: str) -> None:
    line = one_line(text)

    assert len(line.splitlines()) <= 1
    assert not any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 or c in "\u2028\u2029\u202e\u2066" for c in line)


@given(st.text())
def test_plain_lines_end_in_lf_alone(text: str) -> None:
    lines = plain_lines(text)

    assert lines.splitlines() == lines.removesuffix("\n").split("\n") or not lines
    assert plain_lines("a\r\nb\rc\nd\0\te") == "a\nb\nc\nd\te"
