"""The URL of an SMS gateway, and that nothing secret of it is ever shown."""

import pytest

from services.dispatcher.channels.interface import Outgoing
from services.dispatcher.channels.sms_http.gateway_address import GatewayAddress, parse_gateway_url
from services.dispatcher.channels.sms_http.requests import request_for, request_head


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://sms.example/send", GatewayAddress("sms.example", 80, False, "/send")),
        ("https://sms.example", GatewayAddress("sms.example", 443, True, "/")),
        ("https://[::1]:8443/a?b=c", GatewayAddress("::1", 8443, True, "/a?b=c")),
        ("http://ada:p%40ss@sms.example:81/", GatewayAddress("sms.example", 81, False, "/", "ada", "p@ss")),
        ("http://key@sms.example/", GatewayAddress("sms.example", 80, False, "/", "key", "")),
    ],
)
def test_what_a_url_says(url: str, address: GatewayAddress) -> None:
    assert parse_gateway_url(url) == address


@pytest.mark.parametrize(
    ("url", "faults"),
    [
        pytest.param("smtp://sms.example", ["scheme"], id="another scheme"),
        pytest.param("http:///send", ["host"], id="no host"),
        pytest.param("sms.example", ["scheme", "host"], id="two faults at once"),
        pytest.param("http://sms.example:99999", ["port"], id="no such port"),
        pytest.param("http://sms.example:0", ["port"], id="port 0"),
        pytest.param("http://sms.example/#x", ["#"], id="a fragment"),
        pytest.param("http://:secret@sms.example", ["user"], id="a password of nobody"),
        pytest.param("http://a%3Ab:secret@sms.example", ["colon"], id="a user with a colon"),
        pytest.param("http://sms.example/a b", ["ASCII"], id="a space"),
        pytest.param("http://sms.example/ä", ["ASCII"], id="not ASCII"),
        pytest.param("http://user:sec/ret@sms.example", ["%XX"], id="a password that ends the host"),
    ],
)
def test_every_fault_is_named_and_no_secret_is(url: str, faults: list[str]) -> None:
    found = parse_gateway_url(url)

    assert isinstance(found, list)
    assert len(found) == len(faults)
    assert all(word in sentence for word, sentence in zip(faults, found, strict=True))
    assert not any("sec" in sentence for sentence in found)


def test_an_address_in_a_log_has_no_credentials() -> None:
    shown = repr(parse_gateway_url("https://user:secret@sms.example/send?key=secret"))

    assert shown == "GatewayAddress(https://sms.example:443/send)"


@pytest.mark.parametrize(
    ("url", "host"),
    [("http://a.example", "a.example"), ("https://a.example:80", "a.example:80"), ("https://[::1]", "[::1]")],
)
def test_the_host_is_named_as_browsers_do(url: str, host: str) -> None:
    address = parse_gateway_url(url)
    assert isinstance(address, GatewayAddress)

    assert f"\r\nHost: {host}\r\n".encode() in request_head(address)


def test_a_message_as_a_request() -> None:
    """Every octet of it: what repeats is the same to the last byte."""
    address = parse_gateway_url("http://ada:pass@[::1]:81/send?v=1")
    assert isinstance(address, GatewayAddress)
    message = Outgoing(3, "Ümläut".encode(), b"+447700900123", "Hi\n€".encode(), "token")

    assert request_for(message, request_head(address), "https://t.example/r").decode() == (
        "POST /send?v=1 HTTP/1.1\r\nHost: [::1]:81\r\nUser-Agent: postroom\r\nAccept: application/json, text/plain\r\n"
        "Content-Type: application/json\r\nAuthorization: Basic YWRhOnBhc3M=\r\nContent-Length: 112\r\n\r\n"
        '{"id":"token","to":"+447700900123","from":"Ümläut","body":"Hi\\n€","receipt_url":"https://t.example/r/token"}'
    )
