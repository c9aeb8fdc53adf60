"""Lines of imports and updates: what each says, and that nothing in them stops the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dispatcher.decisions.merge_people import OTHERS, merge_people
from services.dispatcher.decisions.read_people import (
    Columns,
    PersonLine,
    ReadLines,
    read_addresses,
    read_csv,
    read_header,
    read_updates,
)
from shared.domain.profile_update import ProfileUpdate, read_update

COLUMNS = Columns(("email", "telephone", "n"), ",")


@given(st.lists(st.binary(max_size=30).filter(lambda line: b"\n" not in line), max_size=8), st.integers(2, 1_000))
def test_whatever_stands_there_every_line_is_read_or_blamed_once(lines: list[bytes], first: int) -> None:
    piece = b"".join(line + b"\n" for line in lines)

    for read in (read_addresses(piece, first), read_updates(piece, first), read_csv(piece, first, COLUMNS)):
        said = {person.line for person in read.people}
        blamed = {line for line, _ in read.faults}
        assert not said & blamed
        assert read.rows == len(said | blamed)
        assert all(first <= line < first + len(lines) for line in said | blamed)


@given(
    st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.dictionaries(st.text(), inner))
)
def test_any_update_is_read_or_every_fault_named(given_update: object) -> None:
    if isinstance(given_update, dict):
        assert isinstance(read_update(given_update), ProfileUpdate | list)


@pytest.mark.parametrize(
    ("first", "found"),
    [
        (b"email\n", Columns(("email",), ",")),
        (b"\xef\xbb\xbfName;E-Mail;EMAIL;\n", Columns(("Name", "E-Mail", "email", ""), ";")),
        (b"a\temail\ttelephone\r\n", Columns(("a", "email", "telephone"), "\t")),
        (b'"email","a, b"\n', Columns(("email", "a, b"), ",")),
        (b"a@example.com\n", None),
        (b"a@example.com,email@example.com\n", None),
        (b"email,a,a\n", "the header names 'a' twice"),
        (b"email,Email\n", "the header names 'email' twice"),
        (b"email,a\rb\n", None),
    ],
)
def test_a_header_is_known_by_its_email(first: bytes, found: object) -> None:
    assert read_header(first + b"x\n") == found


@pytest.mark.parametrize("lines", [2, 300])
def test_a_quote_that_nobody_closes_costs_its_line_alone(lines: int) -> None:
    """Neither what follows it in the piece, nor the time to read that again and again."""
    others = [f"p{number}@x.org,,1" for number in range(lines)]
    piece = "\n".join(['b@x.org,,"two\nlines"', 'a@x.org,,"open', *others, ""]).encode()

    read = read_csv(piece, 2, COLUMNS)

    assert read.faults == [(4, "has a quote that is not closed")]
    assert [person.email for person in read.people] == ["b@x.org", *(row.partition(",")[0] for row in others)]
    assert read.people[0].vars == {"n": "two\nlines"}
    assert read.rows == lines + 2


@pytest.mark.parametrize(
    ("line", "email", "faults"),
    [
        (b'{"id":"a@b.co","key":"email","vars":{"n":1}}', "a@b.co", []),
        (
            b'{"id":"7","key":"sid"}',
            None,
            ["has no email", "id: is not a known key of an update", "key: is not a known key of an update"],
        ),
        (b'{"id":7,"key":"email"}', None, ["email: is not an email address"]),
    ],
)
def test_an_update_may_name_its_person_by_id_and_key(line: bytes, email: str | None, faults: list[str]) -> None:
    read = read_updates(line + b"\n", 1)

    assert [person.email for person in read.people] == ([email] if email else [])
    assert [message for _, message in read.faults] == faults


def test_lines_that_name_the_same_person_are_one() -> None:
    """What a later one says goes before."""
    read = ReadLines(
        people=[
            PersonLine(1, "a@b.co", None, {"x": 1, "y": 1}, ProfileUpdate(lists={"L": True})),
            PersonLine(2, "A@b.co", "+447700900123", {"y": 2}, ProfileUpdate(lists={"L": False}, optout="all")),
            PersonLine(3, None, "+447700900123", {"z": 3}),
            PersonLine(4, "c@b.co", "+447700900123"),
            PersonLine(5, "c@b.co", None),
        ]
    )

    wishes = merge_people(read)

    assert [(wish.line, wish.email, wish.telephone) for wish in wishes] == [
        (1, "a@b.co", "+447700900123"),
        (5, "c@b.co", None),
    ]
    assert wishes[0].vars == {"x": 1, "y": 2, "z": 3}
    assert wishes[0].update == ProfileUpdate(lists={"L": False}, optout="all")
    assert read.faults == [(4, OTHERS)]
