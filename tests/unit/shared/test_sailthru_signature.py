"""Signatures as the existing clients make them."""

import pytest
from sailthru.sailthru_client import get_signature_hash

from shared.domain.postback_body import postback_body
from shared.domain.sailthru_signature import is_signed, sign

V4 = ["k3y", "json", "snapshot", "Main", "domain", "gmail.com"]
V5 = {
    "job_id": "4dd58f036803fa3b5500000b",
    "name": "List Import: Main",
    "status": "completed",
    "start_time": "Fri, 20 May 2012 13:50:28 -0400",
    "end_time": "Fri, 20 May 2012 13:55:10 -0400",
}


@pytest.mark.parametrize(
    ("secret", "values", "digest"),
    [
        pytest.param(
            "abcsecret",
            ["123key", "json", '{"id":"neil@example.com"}'],
            "fa5c79189b708199f3cf69f1cf8f7928",
            id="V1",
        ),
        pytest.param("s3cr3t", ["k3y", "json", '{"job_id": "4dd5"}'], "fbe6f685e14bd8f4b8efa15786958181", id="V2"),
        pytest.param("s3cr3t", ["k3y", "json", '{"job_id":"4dd5"}'], "5ac9838447f6f964f98741fd3745db46", id="V3"),
        pytest.param("s3cr3t", V4, "18ba70eeeb90583dc429cae928a58eb3", id="V4"),
        pytest.param("s3cr3t", ["k3y", *V5.values()], "dc5216a072075460ccbbb137ca530a4f", id="V5"),
    ],
)
def test_the_vectors(secret: str, values: list[str], digest: str) -> None:
    assert sign(secret, values) == digest
    assert is_signed(secret, reversed(values), digest)
    assert is_signed(secret, values, digest.upper())
    assert not is_signed(secret, [*values, ""][1:], digest)


def test_a_postback_is_signed_as_the_vector() -> None:
    body = postback_body(V5, "k3y", "s3cr3t")

    assert body.endswith(b"&api_key=k3y&sig=dc5216a072075460ccbbb137ca530a4f")
    assert b"start_time=Fri%2C+20+May+2012+13%3A50%3A28+-0400" in body


def test_what_is_nested_is_signed_as_the_client_does() -> None:
    """True and false as 1 and 0, null left out."""
    answer = {"a": {"b": [1, {"c": True}], "d": None}, "e": False, "f": 1.5}
    flat = {"a[b][0]": "1", "a[b][1][c]": "1", "e": "0", "f": "1.5", "api_key": "k"}

    body = postback_body(answer, "k", "s").decode()

    assert body.endswith("&sig=" + get_signature_hash(flat, "s"))
    assert "a%5Bb%5D%5B1%5D%5Bc%5D=1" in body
    assert "d" not in body.split("=")[0]
