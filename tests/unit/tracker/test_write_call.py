"""The bytes of a callback, and their signature."""

import time
from urllib.parse import parse_qsl

from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from services.tracker.decisions.callbacks.write_call import sign, write_body
from shared.domain.callback import call_id
from shared.domain.delivery import Kind

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_body_is_a_form_with_indexed_fields() -> None:
    assert (
        write_body(Kind.OPENED, 1_700_000_000_999, "email", ["a+b@example.com", "ü@example.com"])
        == b"event=opened&when=1700000000&email%5B0%5D=a%2Bb%40example.com&email%5B1%5D=%C3%BC%40example.com"
    )
    assert (
        write_body(Kind.BOUNCED, 0, "sms", ["+447700900123"])
        == b"event=bounced&when=0&telephone%5B0%5D=%2B447700900123"
    )


@given(st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=1), min_size=1))
def test_a_form_parser_reads_every_address_as_it_was(addresses: list[str]) -> None:
    body = write_body(Kind.CLICKED, 5_000, "email", addresses).decode()

    assert parse_qsl(body, keep_blank_values=True, strict_parsing=True) == [
        ("event", "clicked"),
        ("when", "5"),
        *((f"email[{place}]", address) for place, address in enumerate(addresses)),
    ]


def test_a_thousand_fit_in_one_call() -> None:
    addresses = [f"p{place}@example.com" for place in range(1000)]

    assert b"email%5B999%5D=p999%40example.com" in write_body(Kind.SUBMITTED, 0, "email", addresses)


def test_the_signature_is_the_one_of_the_standards_own_library() -> None:
    now, body = int(time.time()), write_body(Kind.OPENED, 0, "email", ["a@example.com"])
    headers = sign(SECRET, call_id(3, 14), now, body)

    Webhook(SECRET).verify(body, headers, json_parse=False)
    assert headers["webhook-id"] == "cb_3_14"
    assert headers["webhook-timestamp"] == str(now)
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_the_signature_of_a_known_message() -> None:
    """The example that the standard's libraries are tested with."""
    headers = sign(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
