"""Which tasks are asked for, in SQL: values never in the words, and a cursor is read or refused whatever it says."""

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.api.authenticate import Caller
from services.api.paging import write_cursor
from services.api.resources.task.schema import TaskQuery
from services.api.resources.task.select_tasks import Arguments, Start, fits, page_words, place_behind, read_start
from shared.domain.identifiers import INT63_MAX
from shared.domain.refusal import Refused

ORDERS = st.sampled_from(
    [sign + sort for sort in ("id", "name", "scheduledtime", "endtime", "cdate") for sign in ("", "-")]
)
PARTS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
ADMIN, MEMBER = Caller(1, 2, "admin"), Caller(1, 2, "member")


@given(
    ORDERS,
    st.integers(1, INT63_MAX),
    st.text(),
    st.floats(0, 253_402_300_799),
    st.none() | st.floats(0, 253_402_300_799),
)
def test_a_cursor_says_where_its_page_ended(order: str, last: int, name: str, time: float, end: float | None) -> None:
    """In every order, also behind a task that has not ended."""
    row: Any = {"id": last, "name": name.replace("\x00", ""), "scheduledtime": time, "endtime": end, "cdate": time}
    query = TaskQuery.model_construct(sort=order, start=None)
    start = write_cursor(place_behind(query, row))

    assert read_start(query) is None
    assert read_start(query.model_copy(update={"start": start})) == Start(row[order.removeprefix("-")], last)


@given(ORDERS, st.lists(PARTS, max_size=4), st.booleans())
def test_whatever_a_cursor_says_it_is_a_place_or_refused(order: str, parts: list[Any], named: bool) -> None:
    """A place is one that Postgres can compare with: no time beyond its calendar, no id beyond 63 bits, no NUL."""
    try:
        cursor = write_cursor([order, *parts] if named else parts)
    except (TypeError, ValueError):
        return  # nobody can write it
    start = read_start(TaskQuery.model_construct(sort=order, start=cursor))

    if not isinstance(start, Refused):
        assert start is not None
        assert 0 <= start.last <= INT63_MAX
        match order.removeprefix("-"):
            case "id":
                assert isinstance(start.key, int)
            case "name":
                assert isinstance(start.key, str)
                assert "\x00" not in start.key
            case sort:
                assert -2.1e11 < start.key < 9e12 if isinstance(start.key, float) else sort == "endtime"


@given(st.text(min_size=1), st.integers(1, INT63_MAX))
def test_no_value_stands_in_the_statement(name: str, number: int) -> None:
    """Only what has two values does; everything else is an argument with the number of its place."""
    query = TaskQuery.model_construct(
        _fields_set={"name", "list_id"}, sort="-name", name=name, list_id=number, cancelled=True, message_id=number
    )
    arguments = Arguments()
    words = page_words(MEMBER, query, Start(name, number), arguments)

    assert arguments.values == [1, 2, number, name, number, name, number, 201]
    places = [
        int(place) for place in re.findall(r"\$(\d+)", " ".join([words["fits"], words["beyond"], words["limit"]]))
    ]
    assert sorted(set(places)) == list(range(1, 9))
    again = page_words(
        MEMBER, query.model_copy(update={"name": "x", "list_id": 1, "message_id": 1}), Start("x", 1), Arguments()
    )
    assert again == words


def test_a_list_is_asked_for_only_where_it_is_named() -> None:
    """Null is a value of its own; and only of a member are the messages asked for."""
    assert fits(ADMIN, TaskQuery(), Arguments()) == "account_id = $1::bigint"
    assert fits(ADMIN, TaskQuery(list_id=None), Arguments()).endswith("list_id IS NULL")
    assert fits(ADMIN, TaskQuery(list_id=5), Arguments()).endswith("list_id = $2::bigint")
    assert "user_id = $2" in fits(MEMBER, TaskQuery(), Arguments())
