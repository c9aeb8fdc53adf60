"""Header values say what they were given, on short lines, whatever it was."""

from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.composing.mail_headers import encode_name, encode_subject, format_date
from shared.domain.template import one_line

texts = st.text() | st.text('ab =?,."\\é\r\n', max_size=300) | st.text("wo rd", min_size=60, max_size=400)


def parsed(name: str, value: bytes) -> str:
    message = message_from_bytes(name.encode() + b": " + value + b"\r\n\r\n", policy=policy.SMTP)
    assert list(message.keys()) == [name]
    return str(message[name])


def told(text: str) -> str:
    return one_line(text).strip().encode("utf-8", "replace").decode()


@given(texts)
def test_a_subject_is_read_as_it_was_written(text: str) -> None:
    assert parsed("Subject", encode_subject(text)) == told(text)


@given(texts, st.sampled_from([encode_subject, encode_name]))
def test_lines_are_short_ascii_and_never_empty(text: str, encode: object) -> None:
    encoded = encode(text)  # type: ignore[operator]  # one of two functions of a text
    lines = (b"Subject: " + encoded).split(b"\r\n")

    assert all(len(line) <= 78 and line.isascii() for line in lines)
    assert all(line.startswith(b" ") and line.strip() for line in lines[1:])
    assert b"\n" not in b"".join(lines)


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("Hello", b"Hello"),
        ("a  b", b"a  b"),
        ("Grüße", b"=?utf-8?b?R3LDvMOfZQ==?="),
        ("=?utf-8?q?trick?=", b"=?utf-8?b?PT91dGYtOD9xP3RyaWNrPz0=?="),
        ("a\r\nBcc: eve@example.org", b"aBcc: eve@example.org"),
        (
            "word " * 20,
            b"word word word word word word word word word word word word word\r\n word word word word word word word",
        ),
    ],
)
def test_subjects(text: str, encoded: bytes) -> None:
    assert encode_subject(text) == encoded


@pytest.mark.parametrize(
    ("name", "encoded"),
    [
        ("Ada Lovelace", b"Ada Lovelace"),
        ("Lovelace, Ada", b'"Lovelace, Ada"'),
        ('A "quoted" \\ one', b'"A \\"quoted\\" \\\\ one"'),
        ("Jörg", b"=?utf-8?b?SsO2cmc=?="),
    ],
)
def test_names(name: str, encoded: bytes) -> None:
    assert encode_name(name) == encoded
    assert (
        message_from_bytes(b"From: " + encoded + b" <a@b.example>\r\n\r\n", policy=policy.SMTP)["From"]
        .addresses[0]
        .display_name
        == name
    )


def test_a_date_has_whole_seconds_in_utc() -> None:
    assert format_date(0.9) == b"Thu, 01 Jan 1970 00:00:00 +0000"
