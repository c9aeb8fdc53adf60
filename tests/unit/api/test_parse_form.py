"""Forms with PHP's brackets."""

from typing import Any
from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.parse_form import DEEPEST, MOST_FIELDS, parse_form


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        pytest.param("", {}, id="nothing is an empty object"),
        pytest.param("a=1&b=", {"a": "1", "b": ""}, id="values are text, also empty ones"),
        pytest.param("a=x+y%20z", {"a": "x y z"}, id="plus and %20 are spaces"),
        pytest.param("s[]=1&s[]=2", {"s": ["1", "2"]}, id="empty brackets append"),
        pytest.param("s[0]=1&s[1]=2", {"s": ["1", "2"]}, id="indices from 0 are a list"),
        pytest.param("s[1]=2&s[0]=1", {"s": ["1", "2"]}, id="in whatever order they come"),
        pytest.param("s[0]=1&s[]=2", {"s": ["1", "2"]}, id="empty brackets go on behind the highest index"),
        pytest.param("s[2]=x", {"s": {"2": "x"}}, id="a gap makes it an object"),
        pytest.param("q[value][]=x", {"q": {"value": ["x"]}}, id="a list inside an object"),
        pytest.param("q%5Bvalue%5D%5B%5D=x", {"q": {"value": ["x"]}}, id="encoded brackets are brackets"),
        pytest.param("v[a]=1&v[b][c]=2", {"v": {"a": "1", "b": {"c": "2"}}}, id="objects nest"),
    ],
)
def test_what_a_form_says(text: str, tree: dict[str, Any]) -> None:
    assert parse_form(text) == tree


@pytest.mark.parametrize(
    ("text", "field"),
    [
        pytest.param("a=1&a=2", "a", id="given twice"),
        pytest.param("a=1&a[]=2", "a[]", id="a value and a list"),
        pytest.param("a[]=1&a=2", "a", id="a list and a value"),
        pytest.param("a[x]=1&a[x][y]=2", "a[x][y]", id="a value and an object"),
        pytest.param("a[b=1", "a[b", id="an open bracket"),
        pytest.param("[]=1", "[]", id="no name"),
        pytest.param("a[b]c=1", "a[b]c", id="text behind the brackets"),
        pytest.param("a" + "[x]" * DEEPEST + "=1", "a" + "[x]" * DEEPEST, id="too deep"),
        pytest.param("a=%ff", "", id="not UTF-8"),
        pytest.param("&".join(f"f{n}=1" for n in range(MOST_FIELDS + 1)), "", id="too many"),
    ],
)
def test_what_is_no_form_is_named(text: str, field: str) -> None:
    faults = parse_form(text)

    assert isinstance(faults, list)
    assert [fault.field for fault in faults] == [field]


def test_all_faults_are_named_at_once() -> None:
    faults = parse_form("a=1&a=2&b[=1&c=1")

    assert isinstance(faults, list)
    assert [fault.field for fault in faults] == ["a", "b["]


_KEYS = st.text(st.characters(codec="utf-8", exclude_characters="[]"), min_size=1, max_size=5).filter(
    lambda key: not key.isdigit()
)
_TREES = st.recursive(
    st.text(st.characters(codec="utf-8"), max_size=5),
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(_KEYS, inner, min_size=1, max_size=3),
    max_leaves=12,
)


def _written(name: str, tree: Any) -> list[tuple[str, str]]:
    match tree:
        case str():
            return [(name, tree)]
        case list():
            return [pair for index, item in enumerate(tree) for pair in _written(f"{name}[{index}]", item)]
        case _:
            return [pair for key, item in tree.items() for pair in _written(f"{name}[{key}]", item)]


@given(st.dictionaries(_KEYS, _TREES, max_size=4))
def test_what_is_written_is_read_again(form: dict[str, Any]) -> None:
    pairs = [pair for name, tree in form.items() for pair in _written(name, tree)]
    if all(name.count("[") < DEEPEST for name, _ in pairs):
        assert parse_form(urlencode(pairs)) == form


@given(st.text())
def test_no_text_is_too_strange(text: str) -> None:
    assert isinstance(parse_form(text), dict | list)
    assert isinstance(parse_form(quote_plus(text)), dict | list)
