"""An email made for a test, and read back by the standard library."""

from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from shared.composing.fill_message import RecipientData, fill
from shared.composing.prepare_message import SendContext, prepare
from shared.domain.email_content import EmailContent
from shared.domain.message_links import extract_links
from shared.domain.tokens import TokenKeys, TokenKind

KEYS = TokenKeys([b"a secret of at least thirty-two bytes"])
PLAIN = EmailContent(
    subject="Hello",
    from_name="The shop",
    from_email="shop@example.org",
    reply_to=None,
    html=None,
    text="Hello",
    track_opens=False,
    track_clicks=False,
    marketing=False,
)
CONTEXT = SendContext(
    task_id=7,
    account_id=3,
    tracker_url="https://t.example",
    message_id_domain="mail.example",
    bounce_domain="bounce.example",
    date=1_700_000_000.0,
    list_name="Readers & Writers",
    links={},
)


def mail(values: dict[str, Any] | None = None, email: str = "ada@example.org", **given: Any) -> EmailMessage:
    """What a recipient with these vars gets of a message with these fields. Raises Unrenderable."""
    return read(octets(values, email, **given))


def octets(values: dict[str, Any] | None = None, email: str = "ada@example.org", **given: Any) -> bytes:
    content = replace(PLAIN, **given)
    links = {url: number for number, url in enumerate(extract_links(content.html, content.text), start=1)}
    prepared = prepare(content, replace(CONTEXT, links=links))
    return fill(prepared, 5, RecipientData(email, "+441632960000", values or {}), KEYS)


def read(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=policy.SMTP)
    assert isinstance(message, EmailMessage)
    assert message.defects == []
    return message


def body(message: EmailMessage, kind: str) -> str:
    """``plain`` or ``html``, with LF as its line break."""
    found = message.get_body((kind,))
    assert found is not None
    return str(found.get_content()).replace("\r\n", "\n")


def text_of_mail(source: str, values: dict[str, Any] | None = None, **given: Any) -> str:
    """What a text alone becomes for a recipient, without the line break at its end."""
    return body(mail(values, text=source, **given), "plain").removesuffix("\n")


def html_of_mail(source: str, values: dict[str, Any] | None = None, **given: Any) -> str:
    return body(mail(values, html=source, **given), "html").removesuffix("\n")


def web_token(kind: TokenKind, link: int = 0) -> str:
    return KEYS.web(7, 5, kind, link)
