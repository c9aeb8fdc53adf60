"""A filled message, read by the standard library, says what a plain rendering says: whatever the recipient's values
are.
"""

import html
import re
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.composing.fill_message import RecipientData, envelope_sender, fill
from shared.composing.prepare_message import SendContext, prepare
from shared.domain.email_content import EmailContent
from shared.domain.message_links import extract_links
from shared.domain.template import one_line, plain_lines
from shared.domain.tokens import Token, TokenKeys, TokenKind

KEYS = TokenKeys([b"a secret of at least thirty-two bytes"])

CONTENT = EmailContent(
    subject='Hello {{ vars.name | default("you") }}, from {{ list.name }}',
    from_name="Bücher & Co",
    from_email="shop@bücher.example",
    reply_to="desk@example.org",
    html="<html><body>\n<p>Dear {{ vars.name }},{{ email }}|{{ vars.a.b }}</p>\n"
    '.<a class="x" href="https://a.example/?q=1&amp;r=2">one</a><a href="https://b.example">two</a>\n</body></html>',
    text="Dear {{ vars.name }},\r\n.{{ telephone }}. https://a.example/?q=1&r=2\r\n{{ vars.a.b }}",
    track_opens=True,
    track_clicks=True,
    marketing=True,
)
CONTEXT = SendContext(
    task_id=7,
    account_id=3,
    tracker_url="https://t.example/",
    message_id_domain="mail.example",
    bounce_domain="bounce.example",
    date=1_700_000_000.5,
    list_name="Readers & Writers",
    links={url: number for number, url in enumerate(extract_links(CONTENT.html, CONTENT.text), start=1)},
)
ADA = RecipientData("ada@example.org", "+441632960000", {"name": "Ada"})

values = st.text() | st.text("ab .=<>&\"'\r\n\t\0é\u2028{}", max_size=400)
recipients = st.builds(
    RecipientData,
    email=st.just("ada@example.org"),
    telephone=st.none() | values,
    vars=st.fixed_dictionaries(
        {}, optional={"name": values, "a": st.fixed_dictionaries({"b": values | st.integers()})}
    ),
)


def filled(recipient: RecipientData = ADA, ordinal: int = 5, content: EmailContent = CONTENT) -> bytes:
    return fill(prepare(content, CONTEXT), ordinal, recipient, KEYS)


def read(octets: bytes) -> EmailMessage:
    message = message_from_bytes(octets, policy=policy.SMTP)
    assert isinstance(message, EmailMessage)
    return message


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def told(value: object) -> str:
    return plain_lines(str(value)).encode("utf-8", "replace").decode()


def token(kind: TokenKind, link: int = 0, ordinal: int = 5) -> str:
    return KEYS.web(7, ordinal, kind, link)


def values_of(who: RecipientData) -> tuple[str, str]:
    """``vars.name`` and ``vars.a.b`` as a body shows them."""
    nested = who.vars.get("a", {})
    assert isinstance(nested, dict)
    return told(who.vars.get("name", "")), told(nested.get("b", ""))


def naive_text(who: RecipientData) -> str:
    name, b = values_of(who)
    return (
        f"Dear {name},\n.{told(who.telephone or '')}. https://t.example/c/{token(TokenKind.CLICK, 1)}\n"
        f"{b}\n\n-- \nUnsubscribe: https://t.example/u/{token(TokenKind.UNSUBSCRIBE)}\n"
    )


def naive_html(who: RecipientData) -> str:
    name, b = map(html.escape, values_of(who))
    return (
        f"<html><body>\n<p>Dear {name},ada@example.org|{b}</p>\n"
        f'.<a class="x" href="https://t.example/c/{token(TokenKind.CLICK, 1)}">one</a>'
        f'<a href="https://t.example/c/{token(TokenKind.CLICK, 2)}">two</a>\n'
        f'<p><a href="https://t.example/u/{token(TokenKind.UNSUBSCRIBE)}">Unsubscribe</a></p>\n'
        f'<img src="https://t.example/o/{token(TokenKind.OPEN)}" width="1" height="1" alt="">\n</body></html>\n'
    )


@given(recipients)
def test_read_back_it_is_the_plain_rendering(who: RecipientData) -> None:
    message = read(filled(who))
    name = one_line(str(who.vars.get("name", ""))) or ("" if who.vars.get("name") else "you")

    assert part(message, "plain") == naive_text(who)
    assert part(message, "html") == naive_html(who)
    assert message["Subject"] == f"Hello {name}, from Readers & Writers".encode("utf-8", "replace").decode()
    assert message.defects == []


@given(recipients)
def test_smtp_has_nothing_to_change(who: RecipientData) -> None:
    """CRLF lines only, none too long, none beginning with a dot, no octet beyond ASCII."""
    octets = filled(who)
    lines = octets.split(b"\r\n")

    assert lines[-1] == b""
    assert octets.isascii()
    assert b"\0" not in octets
    assert not any(b"\n" in line or b"\r" in line or line.startswith(b".") for line in lines)
    assert max(map(len, octets.partition(b"\r\n\r\n")[2].split(b"\r\n"))) <= 76
    assert max(map(len, lines)) <= 998


@given(recipients)
def test_no_value_adds_a_header_or_a_part(who: RecipientData) -> None:
    message, plain = read(filled(who)), read(filled())

    assert message.keys() == plain.keys()
    assert len(list(message.iter_parts())) == 2


def test_headers() -> None:
    message = read(filled())

    assert dict(message.items()) == {
        "From": "Bücher & Co <shop@xn--bcher-kva.example>",
        "To": "ada@example.org",
        "Subject": "Hello Ada, from Readers & Writers",
        "Date": "Tue, 14 Nov 2023 22:13:20 +0000",
        "Message-ID": f"<{token(TokenKind.MESSAGE)}@mail.example>",
        "Reply-To": "desk@example.org",
        "List-Unsubscribe": f"<https://t.example/u/{token(TokenKind.UNSUBSCRIBE)}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Feedback-ID": "7:3:marketing:postroom",
        "MIME-Version": "1.0",
        "Content-Type": message["Content-Type"],
    }
    assert message.get_content_type() == "multipart/alternative"


def test_a_retry_repeats_every_octet() -> None:
    assert filled() == filled()


def test_headers_do_not_hang_on_the_body() -> None:
    """vars are read at each attempt: the body may change between two, what identifies the message may not."""
    changed = ADA._replace(vars={"name": "Ada", "a": {"b": "new"}})

    assert filled().partition(b"\r\n\r\n")[0] == filled(changed).partition(b"\r\n\r\n")[0]
    assert filled() != filled(changed)


def test_each_recipient_has_tokens_of_his_own() -> None:
    found = [
        KEYS.read_web(text)
        for ordinal in (0, 1)
        for text in re.findall(r"[ocu]/([\w-]{42})", part(read(filled(ordinal=ordinal)), "html"))
    ]

    kinds = [(TokenKind.CLICK, 1), (TokenKind.CLICK, 2), (TokenKind.UNSUBSCRIBE, 0), (TokenKind.OPEN, 0)]
    assert found == [Token(7, ordinal, kind, link) for ordinal in (0, 1) for kind, link in kinds]


def test_the_envelope_sender_leads_back() -> None:
    local, _, domain = envelope_sender(prepare(CONTENT, CONTEXT), 5, KEYS).partition(b"@")

    assert KEYS.read_verp(local.decode()) == Token(7, 5, TokenKind.BOUNCE, 0)
    assert domain == b"bounce.example"


def test_a_text_is_a_part_alone() -> None:
    content = replace(CONTENT, html=None, text="x", marketing=False)
    message = read(filled(content=content))

    assert message.get_content_type() == "text/plain"
    assert message.get_content() == "x\r\n"


def test_html_alone_gets_a_text_made_of_it() -> None:
    """With the same links, tracked under the same numbers, and a footer of its own."""
    message = read(filled(content=replace(CONTENT, text=None)))
    first, second = (f"https://t.example/c/{token(TokenKind.CLICK, number)}" for number in (1, 2))

    assert message.get_content_type() == "multipart/alternative"
    assert part(message, "plain") == (
        "Dear Ada,ada@example.org|\n\n"
        f".one ({first}) two ({second})\n"
        f"\n-- \nUnsubscribe: https://t.example/u/{token(TokenKind.UNSUBSCRIBE)}\n"
    )


def test_service_mail_has_no_footer_and_no_list_header() -> None:
    message = read(filled(content=replace(CONTENT, marketing=False)))

    assert message["List-Unsubscribe"] is None
    assert message["Feedback-ID"] == "7:3:service:postroom"
    assert "nsubscribe" not in part(message, "html") + part(message, "plain")


def test_who_offers_a_way_out_gets_no_second_one() -> None:
    content = replace(CONTENT, html='<a href="{{ unsubscribe_url }}">out</a>', text="{{ unsubscribe_url }}")
    message = read(filled(content=content))

    assert part(message, "plain") == f"https://t.example/u/{token(TokenKind.UNSUBSCRIBE)}\n"
    assert part(message, "html").count("/u/") == 1


def test_untracked_links_stay_byte_for_byte() -> None:
    content = replace(CONTENT, track_clicks=False, track_opens=False, marketing=False)
    message = read(filled(content=content))

    assert '<a class="x" href="https://a.example/?q=1&amp;r=2">one</a>' in part(message, "html")
    assert "/c/" not in part(message, "html") + part(message, "plain")


def test_a_value_is_never_a_template() -> None:
    who = ADA._replace(vars={"name": "{{ email }} {{ vars.name }}"})

    assert "Dear {{ email }} {{ vars.name }}," in part(read(filled(who)), "plain")


@pytest.mark.parametrize("email", ["ada@example.org\r\nBcc: eve@example.org", "<ada@example.org>", "", "a@b, c@d"])
def test_an_address_that_cannot_be_written_is_left_out(email: str) -> None:
    message = read(filled(ADA._replace(email=email)))

    assert message["To"] == "undisclosed-recipients:;"
    assert message["Bcc"] is None


@pytest.mark.parametrize("broken", [replace(CONTENT, html="{{ x }}"), replace(CONTENT, from_email="x")])
def test_content_with_problems_is_not_prepared(broken: EmailContent) -> None:
    with pytest.raises(ValueError, match=r"html|from_email"):
        prepare(broken, CONTEXT)


def test_a_domain_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no email address"):
        prepare(CONTENT, replace(CONTEXT, bounce_domain="b.example>\r\nDATA"))
