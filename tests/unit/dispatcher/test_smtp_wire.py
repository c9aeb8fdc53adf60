"""What goes over the wire means one thing only: one message, to one recipient, with one end."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dispatcher.channels.interface import Outgoing
from services.dispatcher.channels.smtp.wire import (
    FAILURES,
    NO_REPORTS,
    SUCCESSES_TOO,
    ReportWish,
    envelope_fault,
    mail_command,
    on_the_wire,
    rcpt_command,
    report_wish,
)

contents = st.binary() | st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"a"])).map(b"".join)


@given(contents)
def test_content_has_no_end_inside(content: bytes) -> None:
    wire = b"\r\n" + on_the_wire(content)

    assert b"\r\n.\r\n" not in wire
    assert wire.endswith(b"\r\n")
    assert b"\n" not in wire.replace(b"\r\n", b"")
    assert b"\r" not in wire.replace(b"\r\n", b"")


@given(contents)
def test_unstuffed_it_is_the_content(content: bytes) -> None:
    lines = [line.removeprefix(b".") for line in on_the_wire(content).split(b"\r\n")]

    assert b"\r\n".join(lines).removesuffix(b"\r\n") == re.sub(rb"\r\n|\r|\n", b"\r\n", content).removesuffix(b"\r\n")


wishes = st.sampled_from([NO_REPORTS, FAILURES, SUCCESSES_TOO])


@given(st.binary(), st.binary(), st.booleans(), wishes)
def test_a_command_is_one_line(sender: bytes, recipient: bytes, whole: bool, reports: ReportWish) -> None:
    message = Outgoing(0, sender + b"@a" * whole, recipient + b"@b" * whole, b"")
    if envelope_fault(message, frozenset({"SMTPUTF8"})) is None:
        mail, rcpt = mail_command(message, reports), rcpt_command(message, reports)
        assert re.fullmatch(
            rb"MAIL FROM:<[^\x00-\x20<>]*>( SMTPUTF8 BODY=8BITMIME)?( ENVID=[!-~]+)?( RET=HDRS)?\r\n", mail
        )
        assert re.fullmatch(rb"RCPT TO:<[^\x00-\x20<>]+>( NOTIFY=[A-Z,]+)?\r\n", rcpt)


@given(st.binary(), st.binary(), st.booleans())
def test_without_reports_there_is_nothing_behind_the_addresses(sender: bytes, recipient: bytes, whole: bool) -> None:
    message = Outgoing(0, sender + b"@a" * whole, recipient + b"@b" * whole, b"")
    if envelope_fault(message, frozenset({"SMTPUTF8"})) is None:
        assert re.fullmatch(rb"MAIL FROM:<[^\x00-\x20<>]*>( SMTPUTF8 BODY=8BITMIME)?\r\n", mail_command(message))
        assert re.fullmatch(rb"RCPT TO:<[^\x00-\x20<>]+>\r\n", rcpt_command(message))


def test_reports_are_wished_for_where_they_are_offered() -> None:
    """On success where that is the proof of delivery."""
    assert report_wish(frozenset({"DSN", "SIZE"}), successes=True) == SUCCESSES_TOO
    assert report_wish(frozenset({"DSN"}), successes=False) == FAILURES
    assert report_wish(frozenset({"PIPELINING"}), successes=True) == NO_REPORTS


@pytest.mark.parametrize(
    ("sender", "name"),
    [
        pytest.param(b"b+abc@x.example", b" ENVID=b+2Babc", id="as xtext"),
        pytest.param(b"a=b@x.example", b" ENVID=a+3Db", id="what xtext needs for itself"),
        pytest.param(b"", b"", id="nobody"),
        pytest.param("jörg@x.example".encode(), b"", id="beyond ASCII"),
        pytest.param(b"+" * 60 + b"@x.example", b"", id="longer than the standard takes"),
    ],
)
def test_an_envelope_is_named_by_its_sender(sender: bytes, name: bytes) -> None:
    command = mail_command(Outgoing(0, sender, b"b@y.example", b""), SUCCESSES_TOO)

    assert command.partition(b">")[2].replace(b" SMTPUTF8 BODY=8BITMIME", b"") == name + b" RET=HDRS\r\n"
