"""How a URL that somebody gave us is read, and which are refused for how they are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.outbound_url import OutboundUrl, parse_outbound_url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://example.com", OutboundUrl("http", "example.com", 80, "/", None)),
        ("HTTPS://Example.COM.", OutboundUrl("https", "example.com", 443, "/", None)),
        ("https://example.com:8443/a//b/../c?", OutboundUrl("https", "example.com", 8443, "/a//b/../c", "")),
        (
            "http://x-y.a_b.example?a=1&a=%7e&b=c+d&&=",
            OutboundUrl("http", "x-y.a_b.example", 80, "/", "a=1&a=%7e&b=c+d&&="),
        ),
        ("http://h.example/?u=http://a@b:1/?x", OutboundUrl("http", "h.example", 80, "/", "u=http://a@b:1/?x")),
        ("http://8.8.8.8:8080/", OutboundUrl("http", "8.8.8.8", 8080, "/", None)),
        ("http://[2001:4860::8888]/", OutboundUrl("http", "2001:4860::8888", 80, "/", None)),
        ("http://ada:p%40ss:w@example.com/", OutboundUrl("http", "example.com", 80, "/", None, b"ada:p@ss:w")),
        ("http://ada@example.com/", OutboundUrl("http", "example.com", 80, "/", None, b"ada:")),
        ("http://@example.com:/", OutboundUrl("http", "example.com", 80, "/", None)),
    ],
)
def test_read(text: str, url: OutboundUrl) -> None:
    assert parse_outbound_url(text) == url


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ftp://example.com/", "http:// or https://"),
        ("example.com/hook", "http:// or https://"),
        ("http://example.com/#top", "no fragment"),
        ("http:///hook", "host cannot be read"),
        ("http://exam ple.com/", "ASCII without spaces"),
        ("http://bücher.example/", "ASCII without spaces"),
        ("http://example.com/\n", "ASCII without spaces"),
        ("http://example.com\\@evil.example/", "backslashes"),
        ("http://example.com/%zz", "two hexadecimal digits"),
        ("http://example.com:70000/", "port"),
        ("http://example.com:0/", "port"),
        ("http://-a.example/", "host must be"),
        ("http://a..example/", "host must be"),
        ("http://2130706433/", "host must be"),
        ("http://0x7f.1/", "host must be"),
        ("http://a.0x7f/", "host must be"),
        ("http://010.0.0.1/", "host must be"),
        ("http://[::1%25lo]/", "host must be"),
        ("http://[1.2.3.4]/", "host must be"),
        (f"http://{'a.' * 127}example/", "host must be"),
        ("http://a/b@example.com@c.example:x/", None),
        ("http://us[er@example.com/", "user"),
        ("http://example.com/" + "x" * 2048, "at most 2048"),
    ],
)
def test_refused(text: str, reason: str | None) -> None:
    """Each says what is wrong, and nothing of what the URL held."""
    found = parse_outbound_url(text)

    if reason is None:
        assert found == OutboundUrl("http", "a", 80, "/b@example.com@c.example:x/", None)
    else:
        assert isinstance(found, str)
        assert reason in found


def test_what_is_logged_of_it_names_no_secret() -> None:
    url = parse_outbound_url("https://user:pass@hooks.example:8443/token?key=1")

    assert repr(url) == "OutboundUrl(https://hooks.example:8443)"


_PIECES = st.sampled_from(
    [
        "http",
        "s",
        "://",
        "/",
        "?",
        "#",
        "@",
        ":",
        "[",
        "]",
        "127.0.0.1",
        "::1",
        "%41",
        "%",
        "a.b",
        "&",
        "=",
        "0x7f",
        "\\",
        "é",
    ]
)


@given(st.lists(_PIECES | st.text(max_size=3)).map("".join).map("http://{}".format) | st.text())
def test_whatever_is_read_is_sent_as_it_was_written(text: str) -> None:
    """Path and query are pieces of the text itself, behind a host of letters, digits, dots and colons."""
    url = parse_outbound_url(text)

    if isinstance(url, OutboundUrl):
        rest = url.path + ("" if url.query is None else f"?{url.query}")
        assert text.endswith(rest) or ((rest == "/" or rest.startswith("/?")) and text.endswith(rest[1:]))
        assert not set(url.host) - set("abcdefghijklmnopqrstuvwxyz0123456789.-_:")
        assert 1 <= url.port <= 65535


@pytest.mark.parametrize(
    ("text", "host"),
    [("https://hooks.example.com/a", "hooks.example.com"), ("http://[2001:db8::1]:8080/", "[2001:db8::1]")],
)
def test_the_host_is_told_as_a_url_writes_it(text: str, host: str) -> None:
    url = parse_outbound_url(text)

    assert isinstance(url, OutboundUrl)
    assert url.wire_host == host
