"""What goes over the wire means one thing only: one message, to one recipient, with one end."""

import re

from hypothesis import given
from hypothesis import strategies as st

from services.dispatcher.channels.interface import Outgoing
from services.dispatcher.channels.smtp.wire import envelope_fault, mail_command, on_the_wire, rcpt_command

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


@given(st.binary(), st.binary(), st.booleans())
def test_a_command_is_one_line(sender: bytes, recipient: bytes, whole: bool) -> None:
    message = Outgoing(0, sender + b"@a" * whole, recipient + b"@b" * whole, b"")
    if envelope_fault(message, frozenset({"SMTPUTF8"})) is None:
        assert re.fullmatch(rb"MAIL FROM:<[^\x00-\x20<>]*>( SMTPUTF8 BODY=8BITMIME)?\r\n", mail_command(message))
        assert re.fullmatch(rb"RCPT TO:<[^\x00-\x20<>]+>\r\n", rcpt_command(message))
