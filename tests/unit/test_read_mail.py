"""Mail as the inbox shows it: whatever came can be said as JSON and on a page."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.standalone.inbox.read_mail import read_mail


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"Subject: \xff\xfe\r\n\r\n", id="octets in a header"),
        pytest.param(b"Sub\xffject: x\r\n\r\n", id="octets in a name"),
        pytest.param(b"Subject: =?utf-7?q?+2AA-?=\r\n\r\n", id="half a character in a header"),
        pytest.param(b"Content-Type: text/plain; charset=utf-7\r\n\r\n+2AA-", id="half a character in a body"),
        pytest.param(b"Content-Type: text/plain; charset=unicode_escape\r\n\r\n\\ud800", id="an escape"),
        pytest.param(b"Content-Type: text/plain; charset=undefined\r\n\r\nx", id="a charset that only fails"),
        pytest.param(b"Content-Type: text/html; charset=idna\r\n\r\n\xff..x", id="a charset of no text"),
        pytest.param(b"Content-Type: text/plain; charset=\x00\r\n\r\nx", id="a charset that cannot be a name"),
    ],
)
def test_what_no_text_can_hold_is_replaced(content: bytes) -> None:
    mail = read_mail(content)

    assert orjson.dumps([mail.headers, mail.text, mail.html])


HEADERS = st.sampled_from(
    [b"Subject: ", b"Content-Type: text/plain; charset=", b"Content-Transfer-Encoding: ", b"To: "]
)


@given(st.lists(st.tuples(HEADERS, st.binary(max_size=30)), max_size=4), st.binary(max_size=60))
def test_any_octets_are_shown(headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    mail = read_mail(b"".join(name + value + b"\r\n" for name, value in headers) + b"\r\n" + body)

    assert orjson.dumps([mail.headers, mail.text, mail.html])
