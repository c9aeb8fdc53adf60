"""A whole dispatcher in this process, against an SMS gateway; and scripts for that."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from services.dispatcher.app import RunningDispatcher
from shared.domain.tokens import TokenKind
from shared.postgres.database import Database
from tests.integration.dispatcher.dispatching import KEYS, dispatching
from tests.sinks.fake_gateway import FakeGateway, Script, Step
from tests.sinks.fake_relay import Action


@asynccontextmanager
async def texting(
    database: Database, gateway: FakeGateway, journal: Path, **settings: str
) -> AsyncIterator[RunningDispatcher]:
    """A dispatcher with a gateway and no relay."""
    given = {"smtp_url": "", "sms_url": gateway.url, **settings}
    async with dispatching(database, 1, journal, **given) as running:
        yield running


def ordinal_of(sms: dict[str, Any]) -> int:
    token = KEYS.read_web(sms["id"])
    assert token is not None
    assert token.kind is TokenKind.RECEIPT
    return token.ordinal


def copies(gateway: FakeGateway) -> Counter[int]:
    """How often the gateway took the message of each ordinal."""
    return Counter(ordinal_of(sms) for sms in gateway.ledger)


def to(ordinal: int, action: Action, times: int = 1_000) -> Script:
    """Does this for one recipient, so often."""
    seen: list[int] = []

    def script(step: Step) -> Action | None:
        if step.stage == "request" and ordinal_of(step.sms) == ordinal and len(seen) < times:
            seen.append(ordinal)
            return action
        return None

    return script
