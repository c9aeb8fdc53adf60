"""One connection to the bounce port: SMTP (RFC 5321) or LMTP (RFC 2033), told apart by how the client says hello.

aiosmtpd speaks the protocol. What it would do without a limit is done here: it keeps a mail as one object a line, and
reads addresses with a parser that takes comments in comments.
"""

import asyncio
import logging
import re
from collections import defaultdict
from typing import Final, Protocol

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session

from services.tracker.decisions.returned_mail.parse_mail import MOST_READ
from services.tracker.intake.bounces import LATER, STORED, BounceIntake

log = structlog.get_logger(__name__)

MOST_BYTES: Final = 2 * 2**20  #: of a mail; of one that is taken, the first MOST_READ are kept
MOST_IN_LINE: Final = 65_536  #: of a mail; mailers err, so it is more than the 998 of RFC 5321
MOST_IN_COMMAND: Final = 1_024
MOST_COMMANDS: Final = {"*": 100, "MAIL": 1_000, "RCPT": 20_000, "DATA": 1_000, "RSET": 1_000}  #: of one connection
IDLE_SECONDS: Final = 300.0  #: without a command, and for a whole mail; RFC 5321 4.5.3.2.7 asks for five minutes
LINES_IN_A_ROW: Final = 1_000  #: then others have their turn

TOO_BIG: Final = "552 5.3.4 too big"
TOO_BUSY: Final = "421 4.3.2 too many connections, try again"
GOING_DOWN: Final = "421 4.3.2 going down, try again"

_PATH: Final = re.compile(r"\s*<([^<>\s]*)>(?:\s+(.*))?")

# It writes every command, and so every address.
logging.getLogger("mail.log").disabled = True


class Port(Protocol):
    """Who is told of the connections."""

    def enter(self, session: "BounceSession") -> None: ...
    def leave(self, session: "BounceSession") -> None: ...


class BounceSession(SMTP):
    line_length_limit = MOST_IN_LINE
    command_size_limits: dict[str, int] = defaultdict(lambda: MOST_IN_COMMAND)  # noqa: RUF012 - aiosmtpd's own, typed so

    def __init__(self, intake: BounceIntake, port: Port) -> None:
        super().__init__(
            _Hooks(intake),
            data_size_limit=MOST_BYTES,
            enable_SMTPUTF8=True,
            hostname="localhost",
            ident="postroom",
            timeout=IDLE_SECONDS,
            command_call_limit=MOST_COMMANDS,
            loop=asyncio.get_running_loop(),
        )
        self.is_taking = False  #: a mail is under way: from its DATA until it is answered
        self._intake = intake
        self._port = port
        self._per_recipient = False
        self._last_word: str | None = None

    def end(self, last_word: str) -> None:
        """Takes leave, at once or after the mail that is under way."""
        if self.is_taking:
            self._last_word = last_word
        elif isinstance(self.transport, asyncio.Transport):
            self.transport.write(last_word.encode("ascii") + b"\r\n")
            self.transport.close()

    def abort(self) -> None:
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()

    # What aiosmtpd calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._port.enter(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._port.leave(self)
        super().connection_lost(error)

    async def smtp_LHLO(self, arg: str) -> None:  # noqa: N802 - aiosmtpd finds its commands by these names
        self._per_recipient = True
        await super().smtp_EHLO(arg)

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802 - as above
        self._per_recipient = False
        await super().smtp_EHLO(hostname)

    async def smtp_HELO(self, hostname: str) -> None:  # noqa: N802 - as above
        self._per_recipient = False
        await super().smtp_HELO(hostname)

    async def smtp_VRFY(self, arg: str) -> None:  # noqa: N802 - as above
        await self.push("252 2.5.2 nobody is told who there is")

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - as above
        if arg or self.envelope is None or not self.envelope.rcpt_tos:
            await self.push("501 5.5.4 DATA takes no argument" if arg else "503 5.5.1 no recipient")
            return
        self.is_taking = True
        try:
            await self.push("354 end with <CRLF>.<CRLF>")
            content = await self._read_content()
            await self._answer(list(self.envelope.rcpt_tos), content)
        finally:
            self.is_taking = False
        if self._last_word is not None:
            self.end(self._last_word)

    async def _answer(self, addresses: list[str], content: bytes | None) -> None:
        """By LMTP one reply for each recipient; by SMTP one for all, and one that is not stored speaks for all."""
        self.envelope = Envelope()
        if content is None:
            self._intake.metrics.turned_away.labels("size").inc()
            replies = [TOO_BIG] * len(addresses)
        else:
            replies = await self._take(addresses, content)
        if not self._per_recipient:
            replies = [next((reply for reply in replies if reply != STORED), STORED)]
        await self.push("\r\n".join(replies))

    async def _take(self, addresses: list[str], content: bytes) -> list[str]:
        try:
            return await self._intake.take(addresses, content)
        except Exception as error:  # noqa: BLE001 - each recipient has an answer, or client and server lose their way
            return [await self.handle_exception(error)] * len(addresses)

    async def _read_content(self) -> bytes | None:
        """The first MOST_READ octets, dots unstuffed, once all of it is there; None: there were too many."""
        kept, size, at_start, lines = bytearray(), 0, True, 0
        while True:
            try:
                line = await self._reader.readuntil(b"\r\n")
            except asyncio.LimitOverrunError as overrun:
                line = await self._reader.read(overrun.consumed)
            if at_start and line == b".\r\n":
                return bytes(kept) if size <= MOST_BYTES else None
            if len(kept) < MOST_READ:
                kept += line[1:] if at_start and line.startswith(b".") else line
            size += len(line)
            at_start = line.endswith(b"\r\n")
            lines += 1
            if lines % LINES_IN_A_ROW == 0:
                await asyncio.sleep(0)

    async def handle_exception(self, error: Exception) -> str:
        log.error("bounce port failed", action="bounce_port_failed", reason=type(error).__name__)
        return LATER

    def _timeout_cb(self) -> None:
        # Closing would wait for a client that does not read.
        self.abort()

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        match = _PATH.fullmatch(arg)
        if match is None:
            return None, None
        return match[1] or "<>", match[2] or ""


class _Hooks:
    """Found by their names."""

    def __init__(self, intake: BounceIntake) -> None:
        self._intake = intake

    async def handle_EHLO(  # noqa: N802 - as above
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        # Commands are read one after the other from a buffer, so a client may send them together (RFC 2920).
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_RCPT(  # noqa: N802 - as above
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        reply = await self._intake.answer_recipient(address, len(envelope.rcpt_tos))
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply
