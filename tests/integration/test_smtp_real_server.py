"""The SMTP client against aiosmtpd, which knows nothing of us, does not pipeline and refuses bare line breaks."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from services.dispatcher.channels.interface import OutcomeKind, Outgoing
from services.dispatcher.channels.smtp.relay_address import RelayAddress
from services.dispatcher.channels.smtp.session import SmtpSession
from shared.composing.fill_message import RecipientData, envelope_sender, fill
from shared.composing.prepare_message import SendContext, prepare
from shared.domain.email_address import to_envelope
from shared.domain.email_content import EmailContent
from shared.domain.tokens import TokenKeys
from tests.sinks.witness import Witness, letters


class Mailbox:
    """An aiosmtpd handler that keeps what comes and refuses ``unknown@``."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []

    async def handle_RCPT(  # noqa: N802 - the name aiosmtpd calls
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        if address.startswith("unknown@"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - likewise
        self.envelopes.append(envelope)
        return "250 2.0.0 taken"


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
async def session(mailbox: Mailbox) -> AsyncIterator[SmtpSession]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(mailbox, enable_SMTPUTF8=True), "127.0.0.1", 0)
    session = SmtpSession(RelayAddress("127.0.0.1", server.sockets[0].getsockname()[1]))
    yield session
    await session.close()
    server.close()
    await server.wait_closed()


async def test_dots_and_refusals(session: SmtpSession, mailbox: Mailbox) -> None:
    witness = Witness()
    messages = letters(5, b".leading\r\n..two\r\n.\r\nend\r\n")
    messages[2] = Outgoing(2, b"s@x.de", b"unknown@x.de", b"x\r\n")
    stop = await asyncio.wait_for(session.send_all(messages, witness), 30)

    assert stop is None
    assert witness.kinds == ["accepted", "accepted", "refused", "accepted", "accepted"]
    contents = [envelope.original_content for envelope in mailbox.envelopes]
    assert contents == [messages[n].content for n in (0, 1, 3, 4)]


async def test_prepared_messages_arrive_octet_for_octet(session: SmtpSession, mailbox: Mailbox) -> None:
    keys = TokenKeys([b"k" * 32])
    content = EmailContent(
        "Für {{ vars.name }}", "Bücher", "shop@example.org", None, "<p>.{{ vars.name }}</p>", None, True, True, True
    )
    prepared = prepare(content, SendContext(1, 1, "https://t.example", "m.example", "b.example", 0.0, "News", {}))
    people = [
        RecipientData("ada@example.org", None, {"name": ".Ada\n..\n.\r\n"}),
        RecipientData("jörg@bücher.example", None, {"name": "Jörg"}),
    ]
    messages = [
        Outgoing(n, envelope_sender(prepared, n, keys), to_envelope(who.email) or b"", fill(prepared, n, who, keys))
        for n, who in enumerate(people)
    ]
    witness = Witness()
    await asyncio.wait_for(session.send_all(messages, witness), 30)

    assert [outcome.kind for _, outcome in witness.outcomes] == [OutcomeKind.ACCEPTED] * 2
    assert [envelope.original_content for envelope in mailbox.envelopes] == [message.content for message in messages]
    assert [envelope.rcpt_tos for envelope in mailbox.envelopes] == [
        ["ada@example.org"],
        ["jörg@xn--bcher-kva.example"],
    ]
