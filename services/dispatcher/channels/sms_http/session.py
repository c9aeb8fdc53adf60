"""One worker's line to an SMS gateway: a request for each message, over one connection that is kept while it is used.

The whole request leaves in one write, so the moment before it is the moment before its last byte: the dot of an SMS.
Whatever fails until then was not sent; whatever gets no answer after it is in doubt.
"""

import asyncio
import ssl
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from services.dispatcher.channels.interface import Hooks, Outcome, OutcomeKind, Outgoing, Stage
from services.dispatcher.channels.sms_http.connection import GatewayConnection, NoAnswer, Timers
from services.dispatcher.channels.sms_http.gateway_address import GatewayAddress
from services.dispatcher.channels.sms_http.judge_answer import judge
from services.dispatcher.channels.sms_http.requests import request_for, request_head


@dataclass(frozen=True, slots=True)
class SessionSettings:
    idle_seconds: float = 1.0  #: an unused connection is closed after this: before the gateway does it under a request
    timers: Timers = field(default_factory=Timers)


class SmsHttpSession:
    """A Channel. ``receipts``: base of the receipt URLs. One ``send_all`` runs at a time."""

    def __init__(
        self,
        gateway: GatewayAddress,
        receipts: str,
        settings: SessionSettings | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._gateway = gateway
        self._receipts = receipts
        self._settings = settings or SessionSettings()
        self._tls = (tls or ssl.create_default_context()) if gateway.tls else None
        self._head = request_head(gateway)
        self._connection: GatewayConnection | None = None
        self._idle: asyncio.TimerHandle | None = None

    async def send_all(self, messages: Iterable[Outgoing], hooks: Hooks) -> Outcome | None:
        """See ``Channel.send_all``."""
        self._keep_awake()
        supply = iter(messages)
        try:
            while True:
                connection = await self._connected()
                if isinstance(connection, Outcome):
                    return connection
                message = next(supply, None)
                if message is None:
                    return None
                outcome = await self._send(connection, message, hooks)
                if _ends(outcome, connection):
                    return outcome
        except BaseException:
            self._drop("stopped")
            raise
        finally:
            self._idle = asyncio.get_running_loop().call_later(self._settings.idle_seconds, self._drop, "idle")

    async def close(self) -> None:
        self._keep_awake()
        self._drop("closed")

    async def _send(self, connection: GatewayConnection, message: Outgoing, hooks: Hooks) -> Outcome:
        """Tells what became of it, whatever happens; and answers it, too."""
        outcome = Outcome(OutcomeKind.UNSENT, 0, "held back before its last byte", Stage.DOT)
        try:
            request = request_for(message, self._head, self._receipts)
            if hooks.before_dot(message.ordinal):
                outcome = Outcome(OutcomeKind.DOUBTFUL, 0, "sending was cancelled", Stage.DOT)
                outcome = judge(await connection.ask(request, self._settings.timers.answer))
        except NoAnswer as fault:
            outcome = Outcome(OutcomeKind.DOUBTFUL, 0, str(fault), Stage.DOT)
        except BaseException:
            with suppress(Exception):
                hooks.on_outcome(message.ordinal, outcome)
            raise
        hooks.on_outcome(message.ordinal, outcome)
        return outcome

    async def _connected(self) -> GatewayConnection | Outcome:
        await asyncio.sleep(0)  # that the gateway has closed a connection is noticed before it is used again
        if self._connection is not None and self._connection.is_usable:
            return self._connection
        connection, gateway = GatewayConnection(), self._gateway
        try:
            await connection.dial(gateway, self._settings.timers, self._tls)
        except ssl.SSLError as fault:
            return Outcome(OutcomeKind.BLOCKED, 0, f"TLS failed: {fault}", Stage.TLS)
        except TimeoutError:
            return Outcome(OutcomeKind.UNSENT, 0, f"no connection to {gateway.host} in time", Stage.CONNECT)
        except OSError as fault:
            return Outcome(OutcomeKind.UNSENT, 0, f"no connection to {gateway.host}: {fault}", Stage.CONNECT)
        self._connection = connection
        return connection

    def _drop(self, reason: str) -> None:
        if self._connection is not None:
            self._connection.drop(reason)
            self._connection = None

    def _keep_awake(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None


def _ends(outcome: Outcome, connection: GatewayConnection) -> bool:
    """Whether no further message should be tried now. After a doubt another connection is worth it only if this one had
    brought a message to its end.
    """
    match outcome.kind:
        case OutcomeKind.ACCEPTED | OutcomeKind.REFUSED:
            return False
        case OutcomeKind.DEFERRED:
            return outcome.pause > 0
        case OutcomeKind.DOUBTFUL:
            return not connection.answered
        case _:
            return True
