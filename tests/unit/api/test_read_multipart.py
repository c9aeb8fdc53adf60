"""Bodies in parts, as the clients write them, and whatever else comes under that name."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.dialects.sailthru.read_multipart import Multipart, read_multipart
from shared.domain.refusal import Fault

BOUNDARY = "----b"


def _body(parts: dict[str, bytes], end: bytes = b"--\r\n") -> bytes:
    written = io.BytesIO()
    for name, content in parts.items():
        written.write(f'------b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + content + b"\r\n")
    return written.getvalue() + b"------b" + end


@given(st.dictionaries(st.sampled_from(["json", "sig", "api_key"]), st.text(max_size=30)), st.binary(max_size=60))
def test_what_was_written_is_read(fields: dict[str, str], file: bytes) -> None:
    """Every octet of the file, line ends and dashes too."""
    parts = {name: value.encode() for name, value in fields.items()}

    found = read_multipart(BOUNDARY, _body({**parts, "file": file}))

    if b"\r\n------b" in b"".join(parts.values()) + file or any(b"\r\n------b" in value for value in parts.values()):
        return
    assert found == Multipart(list(fields.items()), file)


@pytest.mark.parametrize("end", [b"--\r\n", b"--", b"--\r\nan epilogue"])
def test_the_end_may_be_bare(end: bytes) -> None:
    assert read_multipart(BOUNDARY, _body({"a": b"1"}, end)) == Multipart([("a", "1")], None)


@pytest.mark.parametrize(
    "head",
    [
        'Content-Disposition: form-data; name="file"; filename="a\\"b.csv"',
        "content-disposition:form-data;name=file;filename=x",
        'Content-Type: text/plain\r\nContent-Disposition: form-data; filename="name=x"; name="file"',
        'Content-Disposition: form-data; name="file"; filename="%2Fetc%2Fpasswd"\r\nContent-Transfer-Encoding: BINARY',
        'Content-Disposition: form-data;\r\n name="file"',
    ],
)
def test_a_file_is_known_by_its_name_alone(head: str) -> None:
    body = f"------b\r\n{head}\r\n\r\nx\r\n------b--".encode()

    assert read_multipart(BOUNDARY, body) == Multipart([], b"x")


@pytest.mark.parametrize(
    ("boundary", "body"),
    [
        pytest.param("", _body({"a": b"1"}), id="no boundary"),
        pytest.param("other", _body({"a": b"1"}), id="another boundary"),
        pytest.param(BOUNDARY, _body({"a": b"1"}, b"\r\n"), id="no end"),
        pytest.param(BOUNDARY, b"", id="nothing"),
        pytest.param(BOUNDARY, b"------b\r\n\r\nx\r\n------b--", id="a part without a name"),
        pytest.param(BOUNDARY, b"------b\r\nContent-Disposition: form-data; name=a\r\n------b--", id="no empty line"),
        pytest.param(BOUNDARY, b"------bx\r\n\r\nx\r\n------b--", id="something behind the boundary"),
        pytest.param(BOUNDARY, _body({"a": b"\xff"}), id="not UTF-8"),
        pytest.param(BOUNDARY, _body({"file": b"1"}, b"") + b"\r\n" + _body({"file": b"2"})[7:], id="two files"),
        pytest.param(
            BOUNDARY,
            b"------b\r\nContent-Disposition: form-data; name=a\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\nYQ==\r\n------b--",
            id="packed",
        ),
        pytest.param(BOUNDARY, _body({f"f{number}": b"" for number in range(5_001)}), id="too many"),
    ],
)
def test_what_cannot_be_read_is_said_to_be_so(boundary: str, body: bytes) -> None:
    assert isinstance(read_multipart(boundary, body), Fault)


@given(st.text(max_size=20), st.binary(max_size=200))
def test_anything_is_read_or_refused(boundary: str, body: bytes) -> None:
    assert isinstance(read_multipart(boundary, body), Multipart | Fault)
