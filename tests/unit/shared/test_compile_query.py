"""A query becomes a condition of SQL; its values become arguments."""

import re
from itertools import count
from typing import Any

import pytest
from hypothesis import given

from shared.audience.audience import NO_LIST, Audience, Values
from shared.audience.compile_query import joins, mailable, matches
from shared.domain.identifiers import Instant
from shared.domain.read_subscriber_query import read_query
from shared.domain.subscriber_query import Query, Source, lists_named
from tests.queries import NOW, queries

EVIL = "'; DROP TABLE subscriber; --$1{0}%s\\"


def audience(query: Query, list_id: int | None = None) -> Audience:
    return Audience(list_id, query, dict(zip(lists_named(query), count(101), strict=False)), Instant(NOW))


def compiled(asked: Audience) -> tuple[str, list[object]]:
    values = Values(first=3)
    text = f"{matches(asked, values)} AND {mailable(asked, 'email', EVIL, values)}"
    return text, values.args


def evil_query(**entries: Any) -> Query:
    query = read_query({"source_list": EVIL, **{name: [entry] for name, entry in entries.items()}})
    assert isinstance(query, Query)
    return query


@pytest.mark.parametrize(
    "query",
    [
        evil_query(criteria="match", field=EVIL, value=EVIL),
        evil_query(criteria="not", field=EVIL, value=[EVIL, 1]),
        evil_query(criteria="gt", field=EVIL, value=EVIL),
        evil_query(criteria="exists", field=EVIL),
        evil_query(criteria="domain", value=EVIL),
        evil_query(criteria="list_member_not", value=EVIL),
    ],
)
def test_what_wants_to_be_sql_is_an_argument(query: Query) -> None:
    """Of a list, a var, a value, a domain and a class of message alike."""
    text, args = compiled(audience(query))

    assert "DROP" not in text
    assert EVIL in args or [EVIL] in args or [EVIL, 1] in args


@given(queries)
def test_the_text_holds_no_value_and_numbers_its_arguments_without_a_gap(query: Query) -> None:
    """Nothing in it but what stands in the file of pieces: no text of the query, no number beside theirs."""
    text, args = compiled(audience(query))
    used = {int(number) for number in re.findall(r"\$(\d+)", text)}

    assert used == set(range(3, 3 + len(args)))
    assert not re.search(r"Main|VIP|odd|Ä|é|example|OR 1=1|1e\+?15|2\.5", text)
    assert "{" not in text


@given(queries)
def test_engagement_is_joined_where_it_is_asked_for(query: Query) -> None:
    text, _ = compiled(audience(query))

    assert ("seen." in text) <= bool(joins(query, Values(1)))


@pytest.mark.parametrize(
    ("source", "list_id", "reached", "leading"),
    [
        pytest.param(Source(), None, None, None, id="everybody"),
        pytest.param(Source(), 7, (7,), (7,), id="of one list"),
        pytest.param(Source(("a",)), None, (101,), (101,), id="a source"),
        pytest.param(Source(("a", "b")), None, (101, 102), (101, 102), id="on any of two"),
        pytest.param(Source(("a", "b"), on_all=True), None, (101, 102), (101,), id="on both of two: one leads to all"),
        pytest.param(Source(("a", "b")), 7, (7,), (7,), id="of one list, and on any of two"),
        pytest.param(Source(("gone",)), None, (NO_LIST,), (NO_LIST,), id="a list that is gone has nobody"),
    ],
)
def test_by_which_lists_people_are_found(
    source: Source, list_id: int | None, reached: tuple[int, ...] | None, leading: tuple[int, ...] | None
) -> None:
    asked = Audience(list_id, Query(source), {"a": 101, "b": 102}, Instant(NOW))

    assert (asked.reached_lists, asked.leading_lists) == (reached, leading)
