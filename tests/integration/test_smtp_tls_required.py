"""Under ``require`` and over smtps nothing of a message ever leaves in clear, whatever the other side does."""

import asyncio
import contextlib
import struct
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET
from typing import Self

import pytest

from services.dispatcher.channels.interface import OutcomeKind, Stage
from services.dispatcher.channels.smtp.connection import Timers
from services.dispatcher.channels.smtp.relay_address import RelayAddress
from services.dispatcher.channels.smtp.session import SessionSettings, SmtpSession
from tests.sinks.certificates import Certificate, make_certificate
from tests.sinks.fake_relay import FakeRelay
from tests.sinks.witness import Witness, letters

WITH_TLS = ("PIPELINING", "STARTTLS", "AUTH PLAIN")
OFFER = b"220 raw ESMTP\r\n"
HELLO = b"250-raw\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n"

#: What must not be read on the wire: commands past STARTTLS, credentials, content.
SECRETS = (b"AUTH", b"MAIL", b"RCPT", b"DATA", b"Message-ID", b"AG1lAHNlY3JldA==")


@dataclass
class Wiretap:
    """A relay that offers STARTTLS and then does as it likes, and everything it was sent, octet by octet."""

    answer: bytes  #: to whatever comes in place of a handshake
    ending: str = "close"  #: or "reset", or "stay"
    starts_in_tls: bool = False  #: pretends to be smtps: says nothing first
    heard: bytearray = field(default_factory=bytearray)
    port: int = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(5):
                if not self.starts_in_tls:
                    writer.write(OFFER)
                    self.heard += await reader.readuntil(b"\r\n")
                    writer.write(HELLO)
                    self.heard += await reader.readuntil(b"\r\n")
                    writer.write(b"220 go on\r\n")
                self.heard += await reader.read(65_536)
                writer.write(self.answer)
                if self.ending == "reset":
                    writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
                    writer.transport.abort()
                while self.ending == "stay" and (more := await reader.read(65_536)):
                    self.heard += more
        writer.close()


def session_with(port: int, certificate: Certificate, smtps: bool) -> SmtpSession:
    address = RelayAddress("127.0.0.1", port, smtps, "none" if smtps else "require", "me", "secret")
    return SmtpSession(address, SessionSettings(timers=Timers(connect=1, tls=0.5)), certificate.trusting())


async def try_to_send(port: int, certificate: Certificate, smtps: bool = False) -> tuple[Witness, Stage, OutcomeKind]:
    session, witness = session_with(port, certificate, smtps), Witness()
    stop = await asyncio.wait_for(session.send_all(letters(3), witness), 30)
    await session.close()
    assert stop is not None
    return witness, stop.stage, stop.kind


@pytest.mark.parametrize("smtps", [False, True], ids=["starttls", "smtps"])
@pytest.mark.parametrize(
    ("answer", "ending"),
    [
        pytest.param(b"", "close", id="it hangs up"),
        pytest.param(b"", "reset", id="it breaks off"),
        pytest.param(b"", "stay", id="it says nothing"),
        pytest.param(b"250 ok\r\n" * 20, "stay", id="it goes on in clear"),
        pytest.param(b"220 raw ESMTP\r\n", "stay", id="it greets anew in clear"),
        pytest.param(bytes(range(256)), "stay", id="garbage"),
        pytest.param(b"\x15\x03\x01\x00\x02\x02\x28", "stay", id="an alert: no handshake"),
        pytest.param(b"\x15\x03\x03\x00\x02\x02\x46", "close", id="an alert: no such version"),
        pytest.param(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03", "close", id="half a handshake"),
    ],
)
async def test_a_broken_handshake_is_followed_by_nothing_in_clear(
    certificate: Certificate, answer: bytes, ending: str, smtps: bool
) -> None:
    async with Wiretap(answer, ending, smtps) as wire:
        witness, stage, _ = await try_to_send(wire.port, certificate, smtps)

    assert wire.heard.startswith(b"\x16\x03" if smtps else b"EHLO localhost\r\nSTARTTLS\r\n")
    assert [secret for secret in SECRETS if secret in wire.heard] == []
    assert (witness.kinds, stage) == ([], Stage.TLS if not smtps else stage)


@pytest.mark.parametrize("smtps", [False, True], ids=["starttls", "smtps"])
@pytest.mark.parametrize(
    ("address", "days"), [("127.0.0.2", 36_500), ("127.0.0.1", 30)], ids=["of another host", "expired"]
)
async def test_a_certificate_that_is_trusted_and_not_good_blocks(
    tmp_path: Path, address: str, days: int, smtps: bool
) -> None:
    """Signed by whom we trust, and still not for this host or not for today."""
    bad = make_certificate(tmp_path, address, days)
    async with FakeRelay(extensions=WITH_TLS, tls=bad.server(), tls_from_start=smtps) as relay:
        witness, stage, kind = await try_to_send(relay.port, bad, smtps)

    assert (witness.kinds, stage, kind) == ([], Stage.TLS, OutcomeKind.BLOCKED)
    assert relay.messages == 0
    assert set(relay.clear_commands) <= {b"EHLO localhost", b"STARTTLS"}


async def test_what_one_connection_offered_is_not_believed_of_the_next(certificate: Certificate) -> None:
    """The offer is stripped later on: what was sent was under TLS, and the rest is not sent."""
    async with FakeRelay(extensions=WITH_TLS, tls=certificate.server()) as relay:
        session, witness = session_with(relay.port, certificate, smtps=False), Witness()
        first = await asyncio.wait_for(session.send_all(letters(2), witness), 30)
        await session.close()
        relay.extensions = ("PIPELINING", "AUTH PLAIN")
        second = await asyncio.wait_for(session.send_all(letters(2), witness), 30)
        await session.close()

    assert (first, second and second.text) == (None, "the relay offers no STARTTLS")
    assert len(relay.ledger) == 2
    assert Counter(relay.clear_commands) == Counter({b"EHLO localhost": 2, b"STARTTLS": 1, b"QUIT": 0})
