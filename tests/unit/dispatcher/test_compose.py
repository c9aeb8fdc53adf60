"""A recipient who cannot be written to is no surprise: a reason, and the batch goes on."""

from dataclasses import replace
from typing import Any, cast

import pytest

from services.dispatcher.channels.interface import Outgoing
from services.dispatcher.sending.compose import EmailComposer, SmsComposer, Unsendable
from shared.composing.prepare_message import prepare
from shared.composing.prepare_sms import prepare_sms
from shared.postgres.database import Row
from tests.mails import CONTEXT, KEYS, PLAIN

SOURCE = "{% for x in vars.l %}{{ x | upper }}{% endfor %}!"
EMAIL = EmailComposer(prepare(replace(PLAIN, text=SOURCE), CONTEXT), KEYS)
SMS = SmsComposer(prepare_sms("Acme", SOURCE, 1, "https://t.example", "Friends"), KEYS)


def row(address: str, values: dict[str, Any] | None) -> Row:
    return cast(
        Row, {"ordinal": 3, "address": address, "email": None, "telephone": None, "vars": values, "suppressed": None}
    )


@pytest.mark.parametrize(
    ("composer", "address"), [(EMAIL, "ada@example.org"), (SMS, "+447700900123")], ids=["email", "sms"]
)
def test_what_takes_too_much_for_one_is_a_reason(composer: EmailComposer | SmsComposer, address: str) -> None:
    (composed,) = composer.compose([row(address, {"l": ["a", "b"]})])

    assert isinstance(composed, Outgoing)
    assert b"AB" in composed.content
    others = composer.compose([row(address, None), row(address, {"l": [1] * 30_000})])
    assert isinstance(next(others), Outgoing)
    assert next(others) == Unsendable("the template takes more than 20,000 steps")


@pytest.mark.parametrize(
    ("composer", "address"), [(EMAIL, "ada@example.org>\r\nDATA"), (SMS, "+44 7700")], ids=["email", "sms"]
)
def test_an_address_that_cannot_be_said_is_a_reason(composer: EmailComposer | SmsComposer, address: str) -> None:
    assert isinstance(next(composer.compose([row(address, {})])), Unsendable)
