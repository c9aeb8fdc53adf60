"""SuTHash: the text that is signed, and headers that are not what they should be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.dialects.signupto.signature import Signed, read_date, read_signed

KEY = "e4cf7fe3b764a18c04f6792c09e3325d"
DATE = "Tue, 30 May 2013 12:34:56 GMT"
VECTOR = "0416e74c9dd33490f58a10dcc2dc6870e4769b32"
HEADERS = {
    "Authorization": f'SuTHash signature="{VECTOR}"',
    "Date": DATE,
    "X-SuT-CID": "12",
    "X-SuT-UID": "34",
    "X-SuT-Nonce": "n0nce",
}


def read(**changed: str) -> Signed | str:
    return read_signed({**HEADERS, **{name.replace("_", "-"): value for name, value in changed.items()}})


def test_the_vector_of_the_documentation_is_right() -> None:
    signed = read()

    assert isinstance(signed, Signed)
    assert (signed.account_id, signed.user_id, signed.nonce, signed.at) == (12, 34, "n0nce", 1_369_917_296)
    assert signed.is_by(KEY, "GET", "/v1/task")
    assert signed.is_by(KEY, "GET", "/v1/task/")


@pytest.mark.parametrize(
    "changed",
    [
        {"Date": "Tue, 30 May 2013 12:34:57 GMT"},
        {"X_SuT_CID": "13"},
        {"X_SuT_UID": "35"},
        {"X_SuT_Nonce": "n0nce2"},
    ],
)
def test_whatever_is_signed_cannot_be_changed(changed: dict[str, str]) -> None:
    signed = read(**changed)

    assert isinstance(signed, Signed)
    assert not signed.is_by(KEY, "GET", "/v1/task")


def test_method_path_and_key_are_signed() -> None:
    signed = read()

    assert isinstance(signed, Signed)
    assert not signed.is_by(KEY, "HEAD", "/v1/task")
    assert not signed.is_by(KEY, "GET", "/v1/list")
    assert not signed.is_by(KEY.upper(), "GET", "/v1/task")


@pytest.mark.parametrize("text", [f"SuTHash signature={VECTOR}", f'suthash  signature="{VECTOR.upper()}"'])
def test_spellings_of_the_signature(text: str) -> None:
    signed = read(Authorization=text)

    assert isinstance(signed, Signed)
    assert signed.is_by(KEY, "GET", "/v1/task")


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"Authorization": ""}, "Authorization"),
        ({"Authorization": 'SuTHash signature="xyz"'}, "Authorization"),
        ({"X_SuT_CID": "0"}, "X-SuT-CID"),
        ({"X_SuT_UID": "9223372036854775808"}, "X-SuT-UID"),
        ({"X_SuT_UID": "٣"}, "X-SuT-UID"),
        ({"X_SuT_Nonce": ""}, "X-SuT-Nonce"),
        ({"X_SuT_Nonce": "n" * 256}, "X-SuT-Nonce"),
        ({"X_SuT_Nonce": "a b"}, "X-SuT-Nonce"),
        ({"Date": ""}, "Date"),
        ({"Date": "yesterday"}, "Date"),
    ],
)
def test_what_is_wrong_with_a_header_is_said(changed: dict[str, str], named: str) -> None:
    fault = read(**changed)

    assert isinstance(fault, str)
    assert named in fault


@given(st.text(max_size=80))
def test_no_date_breaks_the_reader(text: str) -> None:
    assert read_date(text) is None or isinstance(read_date(text), float)


@given(st.dictionaries(st.sampled_from([*HEADERS]), st.text(st.characters(exclude_characters="\r\n"), max_size=60)))
def test_no_header_breaks_the_reader(changed: dict[str, str]) -> None:
    signed = read_signed({**HEADERS, **changed})

    assert isinstance(signed, str) or isinstance(signed.is_by(KEY, "GET", "/v1/task"), bool)
