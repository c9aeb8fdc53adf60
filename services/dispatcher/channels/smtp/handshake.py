"""From a dialled connection to one that takes mail: greeting, EHLO, STARTTLS, AUTH (RFC 5321, 3207, 4954)."""

import ssl
from base64 import b64encode
from dataclasses import dataclass
from typing import Final

from services.dispatcher.channels.interface import Outcome, OutcomeKind, Stage
from services.dispatcher.channels.smtp.connection import Connection, ConnectionGone, Timers
from services.dispatcher.channels.smtp.crash_connection import new_connection
from services.dispatcher.channels.smtp.relay_address import RelayAddress, StartTls
from services.dispatcher.channels.smtp.replies import NotSmtp, Reply, outcome_of
from services.dispatcher.channels.smtp.reply_slots import ReplySlot

_NO_EHLO: Final = frozenset({500, 502})  #: a relay of before 1995: HELO then, and no extension


@dataclass(frozen=True, slots=True)
class Introduction:
    """How we come to a relay."""

    relay: RelayAddress
    our_name: str
    timers: Timers
    verified_tls: ssl.SSLContext  #: for smtps and starttls=require
    any_tls: ssl.SSLContext  #: for starttls=opportunistic: better than nothing, checks nothing


async def open_connection(way: Introduction, slot: ReplySlot) -> Connection | Outcome:
    """A connection ready for MAIL, or why there is none: blocked if the relay refuses us, unsent if it may take us
    later. It receives in ``slot``.
    """
    connection = await _open(way, way.relay.starttls, slot)
    if connection is None:
        # Opportunistic TLS broke: the relay offers what it cannot do. Its mail goes in clear, as it would without the
        # offer.
        connection = await _open(way, "none", slot)
    return connection or Outcome(OutcomeKind.UNSENT, 0, "TLS failed", Stage.TLS)


async def _open(way: Introduction, starttls: StartTls, slot: ReplySlot) -> Connection | Outcome | None:
    relay, connection, ready = way.relay, new_connection(way.timers, slot), False
    try:
        refusal = await _dial(way, connection) or await _greet(way, connection)
        if refusal is None and not relay.tls_from_start and starttls != "none":
            refusal = await _secure(way, connection, starttls)
        if refusal is None and relay.user is not None:
            refusal = await _authenticate(way, connection)
        ready = refusal is None
        return connection if refusal is None else refusal
    except ConnectionGone as end:
        return Outcome(OutcomeKind.UNSENT, 0, str(end), Stage.EHLO)
    except _TlsFailed as fault:
        return None if starttls == "opportunistic" else Outcome(fault.kind, 0, f"TLS failed: {fault}", Stage.TLS)
    finally:
        if not ready:
            connection.drop("not taken into use")


class _TlsFailed(Exception):
    """The handshake broke off, which may pass, or came to nothing that can be trusted, which will not."""

    def __init__(self, fault: Exception) -> None:
        super().__init__(str(fault))
        trustless = isinstance(fault, ssl.SSLError | NotSmtp)
        self.kind = OutcomeKind.BLOCKED if trustless else OutcomeKind.UNSENT


async def _dial(way: Introduction, connection: Connection) -> Outcome | None:
    relay = way.relay
    try:
        await connection.dial(relay.host, relay.port, way.verified_tls if relay.tls_from_start else None)
    except ssl.SSLError as fault:
        return Outcome(OutcomeKind.BLOCKED, 0, f"TLS failed: {fault}", Stage.TLS)
    except TimeoutError:
        return Outcome(OutcomeKind.UNSENT, 0, f"no connection to {relay.host}:{relay.port} in time", Stage.CONNECT)
    except OSError as fault:
        return Outcome(OutcomeKind.UNSENT, 0, f"no connection to {relay.host}:{relay.port}: {fault}", Stage.CONNECT)
    return None


async def _greet(way: Introduction, connection: Connection) -> Outcome | None:
    greeting = await connection.read_reply(way.timers.greeting, "greeting")
    if greeting.code != 220:
        return outcome_of(Stage.CONNECT, greeting)
    return await _say_hello(way, connection)


async def _say_hello(way: Introduction, connection: Connection) -> Outcome | None:
    name = way.our_name.encode("ascii", "replace")
    reply = await connection.ask(b"EHLO " + name, way.timers.ehlo, Stage.EHLO)
    if reply.code in _NO_EHLO:
        reply = await connection.ask(b"HELO " + name, way.timers.ehlo, Stage.EHLO)
        reply = Reply(reply.code, reply.raw[:1])
    if reply.code != 250:
        return outcome_of(Stage.EHLO, reply)
    # What was offered in clear is forgotten after STARTTLS (RFC 3207 4.2): each EHLO sets all of it.
    offers = [line.decode("ascii", "replace").upper().replace("AUTH=", "AUTH ", 1).split() for line in reply.raw[1:]]
    connection.extensions = frozenset(words[0] for words in offers if words)
    connection.auth_mechanisms = frozenset(name for words in offers if words[:1] == ["AUTH"] for name in words[1:])
    return None


async def _secure(way: Introduction, connection: Connection, starttls: StartTls) -> Outcome | None:
    required = starttls == "require"
    if "STARTTLS" not in connection.extensions:
        return Outcome(OutcomeKind.BLOCKED, 0, "the relay offers no STARTTLS", Stage.TLS) if required else None
    reply = await connection.ask(b"STARTTLS", way.timers.tls, Stage.TLS)
    if reply.code != 220:
        return outcome_of(Stage.TLS, reply) if required else None
    try:
        await connection.start_tls(way.verified_tls if required else way.any_tls, way.relay.host)
    except (OSError, NotSmtp) as fault:
        raise _TlsFailed(fault) from fault
    return await _say_hello(way, connection)


async def _authenticate(way: Introduction, connection: Connection) -> Outcome | None:
    user, password = (way.relay.user or "").encode(), (way.relay.password or "").encode()
    seconds, what = way.timers.auth, Stage.AUTH
    if "PLAIN" in connection.auth_mechanisms:
        reply = await connection.ask(b"AUTH PLAIN " + b64encode(b"\0" + user + b"\0" + password), seconds, what)
    elif "LOGIN" in connection.auth_mechanisms:
        reply = await connection.ask(b"AUTH LOGIN", seconds, what)
        for answer in (user, password):
            if reply.code == 334:
                reply = await connection.ask(b64encode(answer), seconds, what)
    else:
        return Outcome(OutcomeKind.BLOCKED, 0, "the relay offers neither AUTH PLAIN nor AUTH LOGIN", Stage.AUTH)
    return None if reply.code == 235 else outcome_of(Stage.AUTH, reply)
