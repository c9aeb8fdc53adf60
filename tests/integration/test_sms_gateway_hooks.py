"""The client of SMS gateways keeps its word to the sender when that one raises, or ends it."""

import asyncio
import ssl
from collections.abc import Iterable

import pytest

from services.dispatcher.channels.interface import Outcome, Outgoing
from services.dispatcher.channels.sms_http.gateway_address import GatewayAddress
from services.dispatcher.channels.sms_http.session import SmsHttpSession
from tests.sinks.fake_gateway import FakeGateway, Step
from tests.sinks.fake_relay import Action, Hang
from tests.sinks.sending import until
from tests.sinks.texts import RECEIPTS, send, session_for, texts
from tests.sinks.witness import Witness


@pytest.mark.parametrize("hook", ["before_dot", "on_outcome", "source"])
async def test_what_the_caller_raises_comes_out_and_nothing_is_left_untold(hook: str) -> None:
    class Broken(Witness):
        def before_dot(self, ordinal: int) -> bool:
            if hook == "before_dot" and ordinal == 2:
                raise OSError("journal full")
            return super().before_dot(ordinal)

        def on_outcome(self, ordinal: int, outcome: Outcome) -> None:
            super().on_outcome(ordinal, outcome)
            if hook == "on_outcome" and ordinal == 2:
                raise OSError("journal full")

    taken = []

    def making() -> Iterable[Outgoing]:
        for message in texts(6):
            if hook == "source" and message.ordinal == 4:
                raise OSError("no more")
            taken.append(message.ordinal)
            yield message

    witness = Broken()
    async with FakeGateway() as gateway:
        with pytest.raises(OSError, match=r"journal full|no more"):
            await send(gateway, making(), witness=witness)
        await until(lambda: not gateway.tasks)

    witness.assert_each_once(len(taken))
    assert "doubtful" not in witness.kinds


@pytest.mark.parametrize(("stage", "kinds"), [("connect", []), ("request", ["accepted", "doubtful"])])
async def test_cancelled_it_lets_go_at_once_and_tells_all(
    stage: str, kinds: list[str], server_tls: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    reached = asyncio.Event()

    def script(step: Step) -> Action | None:
        if step.stage == stage and step.request in (0, 2):
            reached.set()
            return Hang()
        return None

    witness = Witness()
    async with FakeGateway(script, server_tls if stage == "request" else None) as gateway:
        if stage == "connect":
            # It speaks no TLS, so that the handshake does not end.
            address = GatewayAddress("127.0.0.1", gateway.port, True, "/")
            session = SmsHttpSession(address, RECEIPTS, tls=trusting)
        else:
            session = session_for(gateway, trust=trusting)
        sending = asyncio.create_task(session.send_all(texts(6), witness))
        await asyncio.wait_for(reached.wait(), 10)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending

    assert witness.kinds == kinds
