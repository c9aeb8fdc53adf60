"""Sends to a fake relay, and the scripts that most tests need."""

import asyncio
from collections.abc import Callable, Iterable

from services.dispatcher.channels.interface import Outcome, Outgoing
from services.dispatcher.channels.smtp.connection import Timers
from services.dispatcher.channels.smtp.relay_address import RelayAddress
from services.dispatcher.channels.smtp.session import SessionSettings, SmtpSession
from tests.sinks.fake_relay import Action, FakeRelay, Script, Step
from tests.sinks.witness import Witness

#: Where a timer has to run out.
SHORT = Timers(connect=1, tls=1, greeting=0.3, ehlo=0.3, auth=0.3, mail=0.3, rcpt=0.3, data=0.3, block=0.3, dot=0.3)

LONG_LINE = b"x" * 996 + b"\r\n"


def session_for(relay: FakeRelay, timers: Timers | None = None, messages_per_connection: int = 100) -> SmtpSession:
    settings = SessionSettings(timers=timers or Timers(), messages_per_connection=messages_per_connection)
    return SmtpSession(RelayAddress("127.0.0.1", relay.port), settings)


async def send(
    relay: FakeRelay, messages: Iterable[Outgoing], timers: Timers | None = None, witness: Witness | None = None
) -> tuple[Witness, Outcome | None]:
    """What was told about each message, and what ``send_all`` returned."""
    witness = witness or Witness()
    session = session_for(relay, timers)
    stop = await asyncio.wait_for(session.send_all(messages, witness), 30)
    await session.close()
    return witness, stop


def at(stage: str, action: Action, message: int | None = None) -> Script:
    """Does this at that stage, of one message or of all."""

    def script(step: Step) -> Action | None:
        return action if step.stage == stage and message in (None, step.message) else None

    return script


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


def in_hand(stage: str, kind: str) -> list[str]:
    """What is told when all ends at this stage: nothing before a connection stands, as no message is taken yet."""
    return [] if stage in ("connect", "ehlo") else [kind]
