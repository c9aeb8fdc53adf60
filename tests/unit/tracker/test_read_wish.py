"""What a POST to an unsubscribe link may say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tracker.decisions.read_wish import read_wish

FORM = "application/x-www-form-urlencoded"
MULTIPART = 'multipart/form-data; boundary="b"'


def part(name: str, value: str) -> bytes:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


@pytest.mark.parametrize(
    ("content_type", "body", "wish"),
    [
        pytest.param(FORM, b"List-Unsubscribe=One-Click", "list", id="the body of RFC 8058"),
        pytest.param(f"{FORM}; charset=UTF-8", b"List-Unsubscribe=One-Click", "list", id="with a charset"),
        pytest.param(FORM, b"List-Unsubscribe=one-click\r\n", "list", id="in another case, with a line end"),
        pytest.param(FORM, b"List-Unsubscribe=All", "all", id="the second button of the form"),
        pytest.param(MULTIPART, part("List-Unsubscribe", "One-Click") + b"--b--", "list", id="multipart"),
        pytest.param(MULTIPART, part("x", "y") + part("List-Unsubscribe", "All") + b"--b--", "all", id="among others"),
        pytest.param(FORM, b"", None, id="an empty body asks for nothing"),
        pytest.param("", b"List-Unsubscribe=One-Click", None, id="nor does one of no type"),
        pytest.param("application/json", b'{"List-Unsubscribe": "One-Click"}', None, id="nor another type"),
        pytest.param(FORM, b"List-Unsubscribe=No", None, id="nor another value"),
        pytest.param(FORM, b"List-Unsubscribe=One-Click&List-Unsubscribe=All", None, id="nor two at once"),
        pytest.param(FORM, b"List-Unsubscribe=\xff", None, id="nor bytes that are no text"),
        pytest.param(FORM, b"a&" * 1000, None, id="nor a thousand fields"),
        pytest.param("multipart/form-data", part("List-Unsubscribe", "All"), None, id="nor parts without boundary"),
    ],
)
def test_what_is_asked_for(content_type: str, body: bytes, wish: str | None) -> None:
    assert read_wish(content_type, body) == wish


@given(st.text(max_size=80), st.binary(max_size=300))
def test_no_body_is_an_error(content_type: str, body: bytes) -> None:
    """Whatever a robot posts is read or passed over."""
    assert read_wish(content_type, body) in ("list", "all", None)


@given(st.binary(max_size=300))
def test_no_multipart_body_is_an_error(body: bytes) -> None:
    """Least of all one that only claims to be multipart."""
    assert read_wish(MULTIPART, body) in ("list", "all", None)
