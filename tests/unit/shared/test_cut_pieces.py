"""Uploads are cut between records, wherever the network cuts them."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.cut_pieces import LONGEST_LINE, Piece, PieceCutter, cut_pieces


def _cut(chunks: list[bytes], lines: int = 3, most_bytes: int = 1000) -> list[Piece]:
    cutter = PieceCutter(lines, most_bytes)
    return [*(piece for chunk in chunks for piece in cutter.feed(chunk)), *cutter.finish()]


@given(st.lists(st.binary(max_size=40).map(lambda chunk: chunk.replace(b"\r", b"r"))), st.integers(1, 5))
def test_nothing_is_lost_and_every_piece_knows_its_line(chunks: list[bytes], lines: int) -> None:
    whole = b"".join(chunks)

    pieces = _cut(chunks, lines)

    joined = b"".join(piece.data for piece in pieces)
    assert joined == (whole if whole.endswith(b"\n") or not whole else whole + b"\n")
    assert [piece.number for piece in pieces] == list(range(len(pieces)))
    line = 1
    for piece in pieces:
        assert piece.first_line == line
        assert piece.data.endswith(b"\n")
        line += piece.data.count(b"\n")


@given(st.lists(st.lists(st.text('ab"\n,', max_size=6), min_size=2, max_size=2), max_size=20), st.integers(1, 7))
def test_no_row_of_csv_is_cut(rows: list[list[str]], size: int) -> None:
    """Whatever stands in its quotes."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    whole = text.getvalue().encode()

    pieces = _cut([whole[at : at + size] for at in range(0, len(whole), size)], lines=40)

    read = [row for piece in pieces for row in csv.reader(io.StringIO(piece.data.decode(), newline=""))]
    assert read == rows


@given(st.lists(st.text("ab,", max_size=4).map(str.encode), min_size=2, max_size=9), st.integers(1, 9), st.data())
def test_lines_may_end_as_they_do_anywhere(lines: list[bytes], size: int, data: st.DataObject) -> None:
    """In CR alone, too, wherever the network cuts them; where they do not, a CR is no end."""
    end = data.draw(st.sampled_from([b"\r", b"\r\n", b"\n", b"\r\r\n"]))
    lines[0] = lines[0] or b"a"
    lines[1] = lines[1] or b"b"
    whole = b"".join(line + end for line in lines) + b"last\r"

    pieces = _cut([whole[at : at + size] for at in range(0, len(whole), size)])

    kept = b"" if end == b"\r" else end[:-1]
    assert b"".join(piece.data for piece in pieces) == b"".join(line + kept + b"\n" for line in lines) + (
        b"last\n" if end == b"\r" else b"last\r\n"
    )


def test_a_quote_that_nobody_closes_gathers_no_more_than_two_pieces() -> None:
    pieces = _cut([b'"\n' + b"a\n" * 20], lines=3)

    assert max(piece.data.count(b"\n") for piece in pieces) <= 6


def test_a_line_without_end_is_cut_off() -> None:
    """In flat memory: what is beyond its limit is forgotten as it comes."""
    pieces = _cut([b"x" * 50_000] * 100 + [b"\nb\n"], most_bytes=10**6)

    assert pieces[0].data == b"x" * (LONGEST_LINE + 1) + b"\nb\n"


def test_what_is_there_as_a_whole_is_cut_at_once() -> None:
    """As it would be if it came octet by octet."""
    data = b"a@example.com\nb@example.com\nc@example.com"
    cutter = PieceCutter()
    slowly = [piece for octet in data for piece in cutter.feed(bytes([octet]))] + list(cutter.finish())

    assert cut_pieces(data) == slowly
    assert b"".join(piece.data for piece in slowly) == data + b"\n"
