"""A mail is looked at within limits, whatever is in it."""

from itertools import cycle, islice

import pytest

from services.tracker.decisions.returned_mail.judge_mail import judge_mail
from services.tracker.decisions.returned_mail.judgement import Judgement
from services.tracker.decisions.returned_mail.parse_mail import (
    MOST_CONTAINERS,
    MOST_DELIMITERS,
    MOST_FOLDED,
    MOST_IN_LINE,
    MOST_LINES,
    MOST_READ,
    field,
    parse_mail,
)

SIZE = 2 * 2**20
HEAD = b"From: anna@example.org\nSubject: x\n"


def full_of(piece: bytes, head: bytes = HEAD) -> bytes:
    return head + piece * (SIZE // len(piece))


def test_parts_are_counted() -> None:
    mail = parse_mail(full_of(b"--a\n\n", HEAD + b"Content-Type: multipart/mixed; boundary=a\n\n"))

    assert len(mail.parts) <= MOST_DELIMITERS


def test_parts_in_parts_are_counted() -> None:
    """Each level costs the parser a look at every line below."""
    levels = (b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(40_000))
    message, depth = parse_mail(HEAD + b"".join(levels)).message, 0
    while isinstance(message.get_payload(), list):
        message, depth = message.get_payload(0), depth + 1  # type: ignore[assignment]  # a part is a message

    assert 0 < depth <= MOST_CONTAINERS


def test_a_header_has_an_end() -> None:
    """Reading its parameters takes the square of its length."""
    folded = parse_mail(full_of(b' ;";\n', HEAD + b"Content-Type: text/plain;\n"))
    long = parse_mail(full_of(b';"', HEAD + b"Content-Type: text/plain"))

    assert len(str(folded.message["Content-Type"])) <= (MOST_FOLDED + 1) * MOST_IN_LINE
    assert len(str(long.message["Content-Type"])) <= MOST_IN_LINE


def test_lines_and_octets_have_an_end() -> None:
    lines = parse_mail(full_of(b"a\n", HEAD + b"\n"))
    octets = parse_mail(full_of(b"a" * 500 + b"\n", HEAD + b"\n"))

    assert str(lines.message.get_payload()).count("\n") <= MOST_LINES
    assert len(str(octets.message.get_payload())) <= MOST_READ


def test_a_field_is_one_line_in_words() -> None:
    """Folded, encoded, in octets of no charset, or missing."""
    mail = parse_mail(b"A: b\n  c\nD: =?utf-8?q?=C3=A9?=\nE: \xc3\xa9\nF: \xe9\nG: =?x?q?y?=\n\n").message

    assert [field(mail, name) for name in "abcdefg"] == ["b c", "", "", "é", "é", "�", "=?x?q?y?="]


TAGS = (
    b"failed addresses follow:\nthe following addresses had\nSorry, unable to deliver your message to\n"
    b"Did not reach the following recipient\nA message that you sent could not be delivered\n"
    b"this is the email server at\n- no such user here\nInvalid final delivery userid:\n"
)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(full_of(b"\n", b""), id="nothing but line ends"),
        pytest.param(full_of(b"X: y\n", b""), id="nothing but headers"),
        pytest.param(full_of(b"\r"), id="line ends that are none"),
        pytest.param(full_of(b"\0"), id="zeros"),
        pytest.param(full_of(b"Content-Type: message/rfc822\n\n"), id="messages in messages"),
        pytest.param(full_of(b"A: b\n\n", HEAD + b"Content-Type: message/delivery-status\n\n"), id="groups"),
        pytest.param(full_of(b"x" * 599 + b"\n", HEAD + b"\n" + TAGS), id="words without an end"),
        pytest.param(full_of(b"<" * 599 + b"\n", HEAD + b"\n" + TAGS), id="brackets without an end"),
        pytest.param(full_of(b" " * 599 + b"\n", HEAD + b"\n" + TAGS), id="spaces without an end"),
        pytest.param(full_of(b"\xe9zz99", HEAD + b"Content-Type: text/plain; charset=punycode\n\na-"), id="punycode"),
        pytest.param(full_of(b'((<"@,', b"From: "), id="an address without an end"),
        pytest.param(full_of(b"=?utf-8?q?a?= \n ", HEAD + b"Subject: "), id="encoded words"),
        pytest.param(bytes(islice(cycle(range(256)), SIZE)), id="every octet"),
    ],
)
def test_what_is_made_to_take_long_is_judged(content: bytes) -> None:
    """Two megabytes of what costs a parser or a pattern the most, within the time that a test has."""
    assert isinstance(judge_mail(content), Judgement)
