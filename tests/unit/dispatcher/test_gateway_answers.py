"""HTTP answers in whatever pieces they come, and what they mean."""

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dispatcher.channels.interface import OutcomeKind
from services.dispatcher.channels.sms_http.answers import MOST_BODY, MOST_HEAD, Answer, AnswerReader, NotHttp
from services.dispatcher.channels.sms_http.judge_answer import LONGEST_PAUSE_SECONDS, judge

OK = b"HTTP/1.1 202 Accepted\r\n"


def read(octets: bytes) -> Answer | None:
    return AnswerReader().feed(octets)


WHOLE = [
    pytest.param(OK + b"Content-Length: 2\r\n\r\nhi", b"hi", True, id="a length"),
    pytest.param(OK + b"content-length:0\r\n\r\n", b"", True, id="nothing"),
    pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", b"", True, id="a status without body"),
    pytest.param(b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", b"", True, id="no reason"),
    pytest.param(
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n", b"", True, id="an interim answer"
    ),
    pytest.param(
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n1;x=y\r\n!\r\n0\r\n\r\n", b"hi!", True, id="chunks"
    ),
    pytest.param(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\nC: d\r\n\r\n", b"", True, id="a trailer"),
    pytest.param(b"HTTP/1.1 202 OK\nContent-Length: 2\n\nhi", b"hi", True, id="bare line feeds"),
    pytest.param(OK + b"Connection: Close\r\nContent-Length: 2\r\n\r\nhi", b"hi", False, id="the last one here"),
    pytest.param(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", b"", False, id="HTTP/1.0"),
    pytest.param(
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", b"", True, id="HTTP/1.0 that stays"
    ),
]


@pytest.mark.parametrize(("octets", "body", "reusable"), WHOLE)
def test_an_answer_is_read_to_its_end_and_not_before(octets: bytes, body: bytes, reusable: bool) -> None:
    """Octet by octet: only the last one makes it whole, and the next answer may follow."""
    reader = AnswerReader()
    early = [reader.feed(octets[place : place + 1]) for place in range(len(octets) - 1)]

    answer = reader.feed(octets[-1:])

    assert early == [None] * (len(octets) - 1)
    assert answer is not None
    assert (answer.status // 100, answer.body, answer.reusable) == (2, body, reusable)
    assert reader.is_at_rest
    assert reader.feed(octets) == answer


SPOILED = [
    pytest.param(b"Content-Length: 2\r\n\r\nhi!", id="more than its length"),
    pytest.param(b"Content-Length: 99999999\r\n\r\n", id="longer than anybody reads"),
    pytest.param(b"Content-Length: -1\r\n\r\n", id="no length"),
    pytest.param(b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi", id="two lengths"),
    pytest.param(b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", id="two framings"),
    pytest.param(b"Transfer-Encoding: gzip, chunked\r\n\r\n", id="a coding nobody asked for"),
    pytest.param(b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi!!\r\n0\r\n\r\n", id="a chunk longer than it says"),
    pytest.param(b"Transfer-Encoding: chunked\r\n\r\nfffffff\r\n", id="a chunk longer than anybody reads"),
    pytest.param(b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nmore", id="more than its chunks"),
    pytest.param(b"\r\n" + b"x" * (MOST_BODY + 1), id="no end"),
    pytest.param(b"Transfer-Encoding: chunked\r\n\r\n" + b"z" * (MOST_HEAD + 1), id="chunks that are none"),
    pytest.param(b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * MOST_HEAD, id="a trailer without end"),
]


@pytest.mark.parametrize("rest", SPOILED)
def test_a_status_stands_whatever_follows(rest: bytes) -> None:
    """The gateway has said that it took the message: a body that is wrong only ends the connection."""
    answer = read(OK + rest)

    assert answer is not None
    assert (answer.status, answer.reusable) == (202, False)
    assert len(answer.body) <= MOST_BODY


@pytest.mark.parametrize(
    "rest", [b"\r\nhi", b"Content-Length: 9\r\n\r\nhi", b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"]
)
def test_a_status_stands_when_the_connection_ends(rest: bytes) -> None:
    reader = AnswerReader()
    assert reader.feed(OK + rest) is None

    answer = reader.end()

    assert answer is not None
    assert (answer.status, answer.body, answer.reusable) == (202, b"hi", False)


@pytest.mark.parametrize("cut", [b"", b"HTTP/1.1 202", OK, OK + b"Content-Length: 2\r\n"])
def test_half_a_head_is_no_answer(cut: bytes) -> None:
    reader = AnswerReader()

    assert (reader.feed(cut), reader.end()) == (None, None)


@pytest.mark.parametrize(
    "octets",
    [
        b"220 smtp.example ESMTP\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 20\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"x" * (MOST_HEAD + 1),
    ],
)
def test_what_is_no_answer_is_said_to_be_none(octets: bytes) -> None:
    with pytest.raises(NotHttp):
        read(octets)


@given(st.data(), st.sampled_from([param.values[0] for param in WHOLE]))
def test_an_answer_is_the_same_in_any_pieces(data: st.DataObject, octets: object) -> None:
    assert isinstance(octets, bytes)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(octets) - 1), max_size=8)))
    reader = AnswerReader()

    answers = [reader.feed(octets[start:end]) for start, end in pairwise([0, *cuts, len(octets)])]

    assert answers == [None] * len(cuts) + [read(octets)]


@given(
    st.lists(st.binary(max_size=60) | st.sampled_from([OK, b"\r\n\r\n", b"Transfer-Encoding: chunked\r\n", b"5\r\n"]))
)
def test_nothing_that_comes_is_too_much(pieces: list[bytes]) -> None:
    """Whatever it is: an answer, none yet, or no HTTP."""
    reader = AnswerReader()
    with suppress(NotHttp):
        for piece in pieces:
            reader.feed(piece)
        reader.end()


@pytest.mark.parametrize(
    ("statuses", "kind"),
    [
        ((200, 201, 202, 204, 299), OutcomeKind.ACCEPTED),
        ((400, 422), OutcomeKind.REFUSED),
        ((429, 500, 502, 503, 504, 599), OutcomeKind.DEFERRED),
        ((301, 302, 307, 401, 402, 403, 404, 405, 408, 409, 410, 413, 499), OutcomeKind.BLOCKED),
    ],
)
def test_what_a_status_means(statuses: tuple[int, ...], kind: OutcomeKind) -> None:
    assert {judge(Answer(status, "", {})).kind for status in statuses} == {kind}


@pytest.mark.parametrize(
    ("headers", "body", "note"),
    [
        ({"content-type": "text/plain"}, b"no such number +447700900123", "422 no such number number"),
        ({"content-type": "application/json; charset=utf-8"}, b'{"error":"barred"}', '422 {"error":"barred"}'),
        ({"content-type": "text/html"}, b"<h1>Sorry</h1>", "422 Unprocessable"),
        ({}, b"secret", "422 Unprocessable"),
        ({"content-type": "text/plain"}, b"\xff\r\n\0", "422 \ufffd"),
    ],
    ids=["text", "JSON", "a page", "who knows", "no text"],
)
def test_the_note_begins_with_the_code(headers: dict[str, str], body: bytes, note: str) -> None:
    outcome = judge(Answer(422, "Unprocessable", headers, body))

    assert (outcome.code, outcome.note) == (422, note)


@pytest.mark.parametrize(
    ("status", "headers", "pause"),
    [
        (429, {}, 0.0),
        (429, {"retry-after": "7"}, 7.0),
        (503, {"retry-after": "7"}, 7.0),
        (503, {"retry-after": "86400"}, LONGEST_PAUSE_SECONDS),
        (503, {"retry-after": "9" * 4000}, LONGEST_PAUSE_SECONDS),
        (503, {"retry-after": "soon"}, 0.0),
        (503, {"retry-after": "-5"}, 0.0),
        (202, {"retry-after": "7"}, 0.0),
        (422, {"retry-after": "7"}, 0.0),
        (
            503,
            {"retry-after": "Tue, 24 Nov 2026 10:00:30 GMT", "date": "Tue, 24 Nov 2026 10:00:20 GMT"},
            10.0,
        ),
        (503, {"retry-after": "Tue, 24 Nov 2026 10:00:30 GMT"}, 0.0),
        (503, {"retry-after": "Tue, 24 Nov 2026 10:00:30 GMT", "date": "Tue, 24 Nov 2026 10:00:50 GMT"}, 0.0),
    ],
)
def test_a_pause_that_is_asked_for(status: int, headers: dict[str, str], pause: float) -> None:
    assert judge(Answer(status, "", headers)).pause == pause


@given(st.text() | st.from_regex(r"Tue, \d{1,9} Nov \d{1,9} \d{1,4}:\d{1,4}:\d{1,4} [+-]?\d{1,9}", fullmatch=True))
def test_any_wish_for_a_pause_is_a_number_of_seconds(text: str) -> None:
    date = "Tue, 24 Nov 2026 10:00:50 GMT"

    assert 0 <= judge(Answer(503, "", {"retry-after": text, "date": date})).pause <= LONGEST_PAUSE_SECONDS
    assert 0 <= judge(Answer(503, "", {"retry-after": date, "date": text})).pause <= LONGEST_PAUSE_SECONDS
