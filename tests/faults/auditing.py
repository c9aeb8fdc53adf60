"""The auditor at the end of a fault: what relays, gateways and receivers of a test have counted, and nothing found.

findings = await audit(database, deliveries=deliveries_of(relay), received=received_of(receiver))
assert not findings, tell(findings)
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from services.standalone.audit import audit
from services.standalone.audit.counted_outside import Deliveries, Received
from services.standalone.audit.findings import Finding
from shared.domain.tokens import Token, TokenKeys
from shared.postgres.database import Database
from tests.faults.counting_relay import CountingRelay
from tests.sinks.fake_gateway import FakeGateway
from tests.sinks.fake_relay import FakeRelay
from tests.sinks.receiver import Receiver

SECRET = bytes(range(32))

Sink = CountingRelay | FakeRelay | FakeGateway

#: Checks that a world breaks in which tasks and campaigns are rows without events.
WITHOUT_EVENTS = ("rows follow events", "rows and streams")

__all__ = ["WITHOUT_EVENTS", "audit", "deliveries_of", "nothing_found", "received_of", "tell"]


async def nothing_found(database: Database, *counted: Sink | Receiver, leaving_out: Collection[str] = ()) -> None:
    """``counted``: every relay, gateway and receiver there was, with all that it got."""
    sinks = [each for each in counted if not isinstance(each, Receiver)]
    receivers = [each for each in counted if isinstance(each, Receiver)]
    findings = await audit(
        database,
        deliveries=deliveries_of(*sinks) if sinks else None,
        received=received_of(*receivers) if receivers else None,
        leaving_out=leaving_out,
    )
    assert not findings, tell(findings)


def deliveries_of(*sinks: Sink, secret: bytes = SECRET) -> Deliveries:
    """What all of them took together."""
    keys, deliveries = TokenKeys([secret]), Deliveries()
    known: dict[Token, set[bytes]] = defaultdict(set)  #: by what the copies of one message went
    for sink in sinks:
        for name, mark, copies in _taken(sink):
            token = keys.read_web(name)
            if token is None:
                deliveries.strange += copies
            else:
                deliveries.take(token.task, token.ordinal, copies)
                known[token].add(name.encode() + mark)
        for at, sender in sink.begun if isinstance(sink, CountingRelay) else ():
            if token := keys.read_verp(sender.partition(b"@")[0].decode()):
                deliveries.begin(token.task, at)
    for token, marks in known.items():
        if len(marks) > 1:
            deliveries.altered[token.task].add(token.ordinal)
    return deliveries


def received_of(*receivers: Receiver) -> Received:
    """In the order of their clock; whether a call was taken nobody notes: the log says so."""
    received = Received()
    requests = sorted((request for receiver in receivers for request in receiver.requests), key=lambda each: each.at)
    for request in requests:
        received.add(request.headers.get("webhook-id", ""), request.body)
    return received


def tell(findings: Sequence[Finding]) -> str:
    return "the auditor found:\n" + "\n".join(map(str, findings))


def _taken(sink: Sink) -> Iterator[tuple[str, bytes, int]]:
    """The token of each message that it took, what else must repeat, and how often it took it."""
    if isinstance(sink, FakeGateway):
        yield from ((name, b"", copies) for name, copies in sink.copies().items())
    elif isinstance(sink, CountingRelay):
        for message_id, copies in sink.taken.items():
            yield _token(message_id.decode()), b"", copies
        yield from ((_token(message_id.decode()), b"altered", 0) for message_id in sink.altered)
    else:
        for taken in sink.ledger:
            date = re.search(rb"^Date: (.*?)\r$", taken.content, re.MULTILINE)
            yield _token(taken.message_id.strip("<>")), taken.sender + (date[1] if date else b""), 1


def _token(message_id: str) -> str:
    return message_id.partition("@")[0]
