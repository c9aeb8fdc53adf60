"""What a gateway may say of an SMS."""

import json
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tracker.decisions.read_inbound import FORM, JSON, InboundSms, read_inbound, repeat_key
from shared.domain.refusal import Fault

SAID = {"from": "447700900123", "to": "60777", "text": "Hello"}
READ = InboundSms("+447700900123", "60777", "Hello")


def fields(read: InboundSms | list[Fault]) -> set[str]:
    assert isinstance(read, list)
    return {fault.field for fault in read}


@pytest.mark.parametrize(
    ("more", "read"),
    [
        pytest.param({}, READ, id="the contract's three"),
        pytest.param({"id": "a"}, InboundSms(READ.sender, READ.recipient, "Hello", "a"), id="and an id"),
        pytest.param({"id": ""}, READ, id="an empty id is none"),
        pytest.param({"text": ""}, InboundSms(READ.sender, READ.recipient, ""), id="an empty text is one"),
        pytest.param({"keyword": "HELLO", "mcc": "234"}, READ, id="whatever else is passed over"),
    ],
)
def test_json_and_forms_say_the_same(more: dict[str, str], read: InboundSms) -> None:
    said = {**SAID, **more}

    assert read_inbound(JSON, json.dumps(said).encode()) == read
    assert read_inbound(FORM, urlencode(said).encode()) == read


def test_numbers_may_be_numbers_in_json() -> None:
    body = json.dumps({"from": 447700900123, "to": 60777, "text": "Hello", "id": 7}).encode()

    assert read_inbound(JSON, body) == InboundSms(READ.sender, READ.recipient, "Hello", "7")


@pytest.mark.parametrize(
    ("media", "body", "wrong"),
    [
        pytest.param(JSON, b"{}", {"from", "to", "text"}, id="nothing said"),
        pytest.param(JSON, b'{"from": true, "to": [], "text": 5, "id": {}}', {"from", "to", "text", "id"}, id="types"),
        pytest.param(JSON, b'{"from": "0770", "to": "x", "text": ""}', {"from", "to"}, id="numbers"),
        pytest.param(JSON, json.dumps({**SAID, "text": "x" * 2001}).encode(), {"text"}, id="a text without end"),
        pytest.param(JSON, b'{"text": "\xff"}', {""}, id="no JSON"),
        pytest.param(JSON, b"null", {""}, id="no object"),
        pytest.param(FORM, b"from=1&from=2&text=a&text=b", {"from", "text"}, id="said twice"),
        pytest.param(FORM, b"a&" * 1000, {""}, id="a thousand fields"),
        pytest.param(FORM, b"text=\xff", {""}, id="a form that is no text"),
        pytest.param(FORM, urlencode({**SAID, "id": "i" * 256}).encode(), {"id"}, id="an id without end"),
    ],
)
def test_every_fault_is_named_at_once(media: str, body: bytes, wrong: set[str]) -> None:
    assert fields(read_inbound(media, body)) == wrong


@given(st.sampled_from([JSON, FORM]), st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_no_body_is_an_error(media: str, body: bytes) -> None:
    """Whatever comes to an open port is read or refused."""
    read = read_inbound(media, body)

    assert isinstance(read, InboundSms) or all(isinstance(fault, Fault) for fault in read)


@given(st.text(max_size=100))
def test_what_is_read_can_be_stored(text: str) -> None:
    """No NUL, no lone surrogate, one kind of line break."""
    body = json.dumps({**SAID, "text": text}).encode()
    read = read_inbound(JSON, body)

    assert isinstance(read, list) or ("\x00" not in read.text and read.text.encode().decode() == read.text)


def test_a_repeat_is_known_by_its_id_or_by_all_it_says() -> None:
    """Of one account alone."""
    same = InboundSms(READ.sender, READ.recipient, "Hello")
    named = [InboundSms(READ.sender, READ.recipient, text, "7") for text in ("Hello", "Bye")]

    assert repeat_key(1, READ) == repeat_key(1, same)
    assert repeat_key(1, named[0]) == repeat_key(1, named[1])
    others = [InboundSms(READ.sender, "60778", "Hello"), InboundSms(READ.sender, READ.recipient, "Hell")]
    assert len({repeat_key(1, READ), repeat_key(2, READ), *(repeat_key(1, sms) for sms in (named[0], *others))}) == 5
