"""What is a value and what is not."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from services.api.fields import TEXT, Email, Flag, Id, IdOrNull, Moment, Name, Telephone, Text, Vars


def read(kind: Any, value: Any, **options: Any) -> Any:
    return TypeAdapter(kind).validate_python(value, **options)


def refused(kind: Any, value: Any, **options: Any) -> bool:
    try:
        read(kind, value, **options)
    except ValidationError:
        return True
    return False


@pytest.mark.parametrize("value", [True, "5", 5.0, 0, -1, 2**63, 2.0**64, None, [], {}, "", "٣"])
def test_what_is_no_id_in_json(value: Any) -> None:
    assert refused(Id, value)


@pytest.mark.parametrize("value", ["", "5.0", " 5", "+5", "1_000", "٣", "0", "9223372036854775808", "true", "9" * 5000])
def test_what_is_no_id_as_text(value: str) -> None:
    assert refused(Id, value, context=TEXT)


def test_ids_reach_to_the_last_of_63_bits() -> None:
    assert read(Id, 2**63 - 1) == 2**63 - 1
    assert read(Id, "9223372036854775807", context=TEXT) == 2**63 - 1


def test_an_empty_field_of_a_form_is_null() -> None:
    assert read(IdOrNull, "", context=TEXT) is None
    assert refused(IdOrNull, "")


@pytest.mark.parametrize(
    ("text", "flag"), [("true", True), ("1", True), ("TRUE", True), ("False", False), ("0", False)]
)
def test_flags_in_text(text: str, flag: bool) -> None:
    assert read(Flag, text, context=TEXT) is flag
    assert refused(Flag, text)


@pytest.mark.parametrize("value", [1, 0, "yes", None])
def test_what_is_no_flag_in_json(value: Any) -> None:
    assert refused(Flag, value)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 1e300, -1e300, 253402300800, -62135596801, True, "12", None]
)
def test_what_is_no_moment(value: Any) -> None:
    assert refused(Moment, value)


def test_moments_keep_microseconds() -> None:
    assert read(Moment, 1234966741.1234567) == 1234966741.123457
    assert read(Moment, "1234966741.5", context=TEXT) == 1234966741.5


@pytest.mark.parametrize("value", ["", " ", "a\nb", "a\x00b", "a\x85b", "a\u2028b", "a\ud800b", "x" * 256, 5, None])
def test_what_is_no_name(value: Any) -> None:
    assert refused(Name, value)


@pytest.mark.parametrize("value", ["x", "Größe 🎉", "x" * 255])
def test_names(value: str) -> None:
    assert read(Name, value) == value


@pytest.mark.parametrize("value", ["a\x00b", "a\ud800b", "x" * 500_001])
def test_what_is_no_text(value: str) -> None:
    assert refused(Text, value)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Ann@Example.com", "Ann@Example.com"),
        (" ann@example.com ", "ann@example.com"),
        ("o'neil+tag@sub.example.co.uk", "o'neil+tag@sub.example.co.uk"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@reserved.invalid", "ann@reserved.invalid"),
    ],
)
def test_emails_are_kept_as_given_with_an_ascii_domain(given: str, kept: str) -> None:
    assert read(Email, given) == kept


@pytest.mark.parametrize(
    "value",
    [
        "",
        "ann",
        "ann@",
        "@example.com",
        "a b@example.com",
        "ann@example",
        "ann@-example.com",
        "ann@example..com",
        "a..b@example.com",
        "ann@example.com\r\nBcc: x@y.z",
        "ann@exa\u2028mple.com",
        "ann@example.com\x00",
        "ünn@example.com",
        "x" * 65 + "@example.com",
        "ann@" + "x" * 250 + ".com",
        "a@b@example.com",
        '"a b"@example.com',
    ],
)
def test_what_is_no_email(value: str) -> None:
    assert refused(Email, value)


def test_telephones_become_e164() -> None:
    assert read(Telephone, "+44 (0)7700 900-123") == "+447700900123"


@pytest.mark.parametrize(
    "value", ["", "07700 900123", "+", "+44", "+447700900123 ext. 4", "call me", "+" + "1" * 39, "+44\x00"]
)
def test_what_is_no_telephone(value: str) -> None:
    assert refused(Telephone, value)


@pytest.mark.parametrize(
    "value",
    [
        {"a": "\x00"},
        {"a\x00": 1},
        {"a": [{"b": "\x00"}]},
        {"a": 2**63},
        {"a": 1.8446744073709552e19},
        {"a": "x" * 70_000},
        {"a": [[[[[[[[[1]]]]]]]]]},
        [],
        "x",
    ],
)
def test_what_no_vars_can_hold(value: Any) -> None:
    assert refused(Vars, value)


def test_vars_hold_json() -> None:
    value = {"name": "Ann", "tags": ["a", {"b": None}], "n": 1.5, "ok": True}

    assert read(Vars, value) == value
