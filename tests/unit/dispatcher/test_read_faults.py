"""What is wrong with a line of an import or an update: each fault is named, and the lines around it are read."""

from collections.abc import Callable

import pytest

from services.dispatcher.decisions.merge_people import PersonWish, distinct_lists, merge_people
from services.dispatcher.decisions.read_people import (
    Columns,
    PersonLine,
    ReadLines,
    read_addresses,
    read_csv,
    read_header,
    read_updates,
)
from shared.domain.profile_update import ProfileUpdate

COLUMNS = Columns(("email", "telephone", "n"), ",")
NO_EMAIL = "is not an email address"


def rows(piece: bytes, first_line: int) -> ReadLines:
    return read_csv(piece, first_line, COLUMNS)


@pytest.mark.parametrize(
    ("read", "line", "faults"),
    [
        pytest.param(read_addresses, b"nobody", [NO_EMAIL], id="a line that is no address"),
        pytest.param(read_updates, b"nobody", [NO_EMAIL], id="nor is one of an update"),
        pytest.param(read_updates, b'{"email": ', ["is not JSON"], id="an object that ends too early"),
        pytest.param(read_updates, b'{"vars": {}}', ["has no email"], id="an object of nobody"),
        pytest.param(read_updates, b'{"email": "x"}', [f"email: {NO_EMAIL}"], id="an object of no address"),
        pytest.param(
            read_updates,
            b'{"email": "a@example.com", "optout": "no", "age": 3}',
            ["age: is not a known key of an update", "optout: must be one of none, basic, blast, all"],
            id="an object with two faults",
        ),
        pytest.param(rows, b"a@example.com,,1,2", ["has more cells than the header"], id="a row that is too long"),
        pytest.param(rows, b",,5", ["has neither email nor telephone"], id="a row of nobody"),
        pytest.param(rows, b"x,,5", [f"email: {NO_EMAIL}"], id="a row of no address"),
        pytest.param(rows, b"a\rb,,5", ["is no row of CSV"], id="a row that breaks off in the middle"),
        pytest.param(
            rows,
            b"a@example.com,,a\0b",
            ["vars: must be text without NUL and lone surrogates"],
            id="a row with what the database cannot hold",
        ),
        pytest.param(read_addresses, b"\xff", ["is not UTF-8"], id="octets that are no text"),
    ],
)
def test_a_bad_line_is_told_and_the_others_are_read(
    read: Callable[[bytes, int], ReadLines], line: bytes, faults: list[str]
) -> None:
    found = read(b"ada@example.com\n" + line + b"\nbob@example.com\n", 7)

    assert [person.email for person in found.people] == ["ada@example.com", "bob@example.com"]
    assert found.faults == [(8, fault) for fault in faults]
    assert found.rows == 3


def test_a_number_that_is_none_is_told() -> None:
    found = rows(b"ada@example.com,12\n", 7)

    assert found.people == []
    assert [line for line, fault in found.faults if fault.startswith("telephone: ")] == [7]


def test_a_column_that_cannot_be_the_name_of_a_var_is_told_by_its_number() -> None:
    assert read_header(b"email," + b"n" * 256 + b"\n") == "the name of column 2 must have 1 to 255 characters"


@pytest.mark.parametrize(
    ("text", "update"),
    [
        (b'{"email": "a@example.com"}', None),
        (
            b'{"email": "a@example.com", "lists": {"VIP": 1, "Old": 0}}',
            ProfileUpdate(lists={"VIP": True, "Old": False}),
        ),
        (b"a@example.com", None),
    ],
)
def test_a_line_of_an_update_says_what_is_to_become_of_one(text: bytes, update: ProfileUpdate | None) -> None:
    assert read_updates(text + b"\n", 1).people == [PersonLine(1, "a@example.com", update=update)]


def test_somebody_named_by_number_first_and_address_later_is_one() -> None:
    read = ReadLines(people=[PersonLine(1, None, "+447700900123"), PersonLine(2, "a@example.com", "+447700900123")])

    assert [(wish.email, wish.telephone) for wish in merge_people(read)] == [("a@example.com", "+447700900123")]


def test_a_number_alone_is_a_person() -> None:
    read = ReadLines(people=[PersonLine(1, None, "+447700900123"), PersonLine(2, None, "+447700900124")])

    assert [wish.telephone for wish in merge_people(read)] == ["+447700900123", "+447700900124"]


def test_a_list_is_wanted_if_anybody_is_to_be_on_it() -> None:
    def wish(**lists: bool) -> PersonWish:
        return PersonWish(1, "a@example.com", None, {}, ProfileUpdate(lists=lists))

    assert distinct_lists([wish(VIP=False), wish(VIP=True, Old=False), wish(VIP=False)]) == {"VIP": True, "Old": False}
