"""A mail made of whatever somebody wrote, and what is true of every one that is made."""

import re
from dataclasses import replace
from email import message_from_bytes, policy
from typing import Any, Final

from shared.composing.template_engine import Unrenderable
from shared.domain.email_content import find_problems
from tests.mails import PLAIN, octets

HEADERS: Final = {
    *("From", "To", "Subject", "Date", "Message-ID", "Reply-To", "MIME-Version", "Content-Type", "Feedback-ID"),
    *("Content-Transfer-Encoding", "List-Unsubscribe", "List-Unsubscribe-Post", "List-ID", "Precedence"),
}
BARE: Final = re.compile(rb"\r(?!\n)|(?<!\r)\n|\0")


def compose_mail(subject: str, html: str, text: str, name: str, sender: str) -> bytes | None:
    """None: it was refused. Raises AssertionError where a mail was made that must not be."""
    given: dict[str, Any] = {"subject": subject, "html": html or None, "text": text, "from_name": sender}
    content = replace(PLAIN, **given)
    if find_problems(content):
        return None
    try:
        made = octets({"name": name, "tags": [name, subject]}, **given)
    except Unrenderable:
        return None
    check_mail(made)
    return made


def check_mail(made: bytes) -> None:
    assert not BARE.search(made)
    assert max(map(len, made.split(b"\r\n"))) <= 998
    head = made.partition(b"\r\n\r\n")[0]
    names = [line.partition(b":")[0].decode() for line in re.sub(rb"\r\n[ \t]", b" ", head).split(b"\r\n")]
    assert set(names) <= HEADERS, names
    assert len(names) == len(set(names)), names
    message = message_from_bytes(made, policy=policy.SMTP)
    assert message.defects == []
    assert [str(each) for each in message.get_all("To", [])] == ["ada@example.org"]
    parts = [part.get_content_type() for part in message.walk() if not part.is_multipart()]
    assert parts in (["text/plain"], ["text/html"], ["text/plain", "text/html"]), parts
