"""Sends to a fake gateway, and the scripts that most tests need."""

import asyncio
import ssl
from collections.abc import Iterable

from services.dispatcher.channels.interface import Outcome, Outgoing
from services.dispatcher.channels.sms_http.connection import Timers
from services.dispatcher.channels.sms_http.gateway_address import GatewayAddress
from services.dispatcher.channels.sms_http.session import SessionSettings, SmsHttpSession
from tests.sinks.fake_gateway import FakeGateway, Script
from tests.sinks.fake_relay import Action
from tests.sinks.witness import Witness

SHORT = Timers(connect=0.5, tls=0.5, answer=0.3)
RECEIPTS = "https://t.example/r"


def texts(count: int) -> list[Outgoing]:
    return [
        Outgoing(ordinal, b"Acme", b"+4477009%05d" % ordinal, b"Hello %d" % ordinal, f"token{ordinal}")
        for ordinal in range(count)
    ]


def session_for(
    gateway: FakeGateway, timers: Timers | None = None, trust: ssl.SSLContext | None = None, idle: float = 1.0
) -> SmsHttpSession:
    address = GatewayAddress("127.0.0.1", gateway.port, gateway.tls is not None, "/send?v=1", "ada", "secret")
    return SmsHttpSession(address, RECEIPTS, SessionSettings(idle, timers or Timers()), trust)


async def send(
    gateway: FakeGateway,
    messages: Iterable[Outgoing],
    timers: Timers | None = None,
    witness: Witness | None = None,
    trust: ssl.SSLContext | None = None,
) -> tuple[Witness, Outcome | None]:
    """What was told about each message, and what ``send_all`` returned."""
    witness = witness or Witness()
    session = session_for(gateway, timers, trust)
    stop = await asyncio.wait_for(session.send_all(messages, witness), 30)
    await session.close()
    return witness, stop


def at(request: int, action: Action) -> Script:
    return lambda step: action if step.stage == "request" and step.request == request else None
