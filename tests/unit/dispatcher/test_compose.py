"""A recipient who cannot be written to is no surprise: a reason, and the batch goes on."""

from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dispatcher.channels.interface import Outgoing
from services.dispatcher.channels.smtp.wire import on_the_wire
from services.dispatcher.sending.compose import EmailComposer, SmsComposer, Unsendable
from shared.composing.dkim import MessageSigner
from shared.composing.prepare_message import prepare
from shared.composing.prepare_sms import prepare_sms
from shared.domain.token_letters import MOST_AT_ONCE
from shared.domain.tokens import Token, TokenKind
from shared.postgres.database import Row
from tests.mails import CONTEXT, KEYS, PLAIN, read
from tests.signing_domain import BOTH

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


PERSONAL = EmailComposer(
    prepare(
        replace(
            PLAIN,
            subject="{{ vars.a }}",
            html="<p>{{ vars.a }}</p><p><a href='https://example.org/'>.</a></p>",
            text=".{{ vars.a }}\n.\n{{ vars.b }}\n{{ unsubscribe_url }}",
            track_opens=True,
            track_clicks=True,
        ),
        replace(CONTEXT, links={"https://example.org/": 1}),
    ),
    KEYS,
)
WORDS = st.text() | st.lists(st.sampled_from(["\r", "\n", ".", "\r\n", "=", "a", "é"])).map("".join)


@given(WORDS, WORDS)
def test_what_is_called_strict_goes_over_the_wire_as_it_is(a: str, b: str) -> None:
    """It is not looked through for bare line breaks and dots again, signed or not."""
    (composed,) = PERSONAL.compose([row("ada@example.org", {"a": a, "b": b})])

    assert isinstance(composed, Outgoing)
    assert composed.is_strict
    assert on_the_wire(composed.content) == composed.content
    signed = MessageSigner(BOTH, composed.content, CONTEXT.date).sign(composed.content)
    assert on_the_wire(signed) == signed


def test_tokens_made_together_reach_whom_they_are_for() -> None:
    """Over the end of what is made at once, and with one among them who cannot be written to."""
    rows = [{**row(f"r{n}@example.org", {}), "ordinal": 3 * n} for n in range(2 * MOST_AT_ONCE + 5)]
    rows[7]["address"] = "nobody"

    for number, composed in enumerate(PERSONAL.compose(cast("list[Row]", rows))):
        if number == 7:
            assert isinstance(composed, Unsendable)
            continue
        assert isinstance(composed, Outgoing)
        assert composed.recipient == b"r%d@example.org" % number
        assert KEYS.read_verp(composed.sender.partition(b"@")[0].decode()) == Token(7, 3 * number, TokenKind.BOUNCE, 0)
        name = str(read(composed.content)["Message-ID"]).strip("<>").partition("@")[0]
        assert KEYS.read_web(name) == Token(7, 3 * number, TokenKind.MESSAGE, 0)


def test_a_message_is_made_when_it_is_asked_for() -> None:
    """Whoever stops in between has made none of those behind."""
    composed = PERSONAL.compose([row("ada@example.org", {}), cast("Row", {"ordinal": 4})])

    assert isinstance(next(composed), Outgoing)
    with pytest.raises(KeyError):
        next(composed)
