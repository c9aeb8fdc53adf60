"""The SMTP side of the standalone mode: an inbox that takes mail for anybody."""

import asyncio
from collections.abc import Callable

from aiosmtpd.smtp import SMTP, Envelope, Session

from services.standalone.inbox.mail_store import MailStore
from shared.domain.identifiers import Instant

HOST = "127.0.0.1"


class AcceptEverything:
    """Every mail is stored before its 250."""

    def __init__(self, store: MailStore, now: Callable[[], Instant]) -> None:
        self._store = store
        self._now = now

    async def handle_EHLO(  # noqa: N802 - aiosmtpd finds its hooks by these names
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        # Commands are read one after the other from a buffer, so a client may send them together (RFC 2920).
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        content = envelope.original_content or b""
        self._store.add(self._now(), "email", envelope.mail_from or "", envelope.rcpt_tos, content)
        return "250 2.0.0 kept"


async def serve_smtp(handler: AcceptEverything, port: int) -> asyncio.Server:
    """Listens on loopback; ``port`` 0 takes any free one."""
    loop = asyncio.get_running_loop()

    def session() -> SMTP:
        return SMTP(handler, hostname="localhost", ident="postroom", enable_SMTPUTF8=True, loop=loop)

    return await loop.create_server(session, HOST, port)


def port_of(server: asyncio.Server) -> int:
    port: int = server.sockets[0].getsockname()[1]
    return port
