"""The auditor at the end of a fault: what relays, gateways and receivers of a test have counted, and nothing found.

findings = await audit(database, deliveries=deliveries_of(relay), received=received_of(receiver))
assert not findings, tell(findings)
"""

from collections.abc import Iterator, Sequence

from services.standalone.audit import audit
from services.standalone.audit.counted_outside import Deliveries, Received
from services.standalone.audit.findings import Finding
from shared.domain.tokens import TokenKeys
from tests.faults.counting_relay import CountingRelay
from tests.sinks.fake_gateway import FakeGateway
from tests.sinks.fake_relay import FakeRelay
from tests.sinks.receiver import Receiver

SECRET = bytes(range(32))

__all__ = ["audit", "deliveries_of", "received_of", "tell"]


def deliveries_of(*sinks: CountingRelay | FakeRelay | FakeGateway, secret: bytes = SECRET) -> Deliveries:
    """What all of them took together."""
    keys, deliveries = TokenKeys([secret]), Deliveries()
    for sink in sinks:
        for name, copies in _names(sink):
            token = keys.read_web(name)
            if token is None:
                deliveries.strange += copies
            else:
                deliveries.take(token.task, token.ordinal, copies)
        if isinstance(sink, CountingRelay):
            _look_closer(deliveries, sink, keys)
    return deliveries


def received_of(*receivers: Receiver) -> Received:
    """In the order of their clock; whether a call was taken nobody notes: the log says so."""
    received = Received()
    requests = sorted((request for receiver in receivers for request in receiver.requests), key=lambda each: each.at)
    for request in requests:
        received.add(request.headers.get("webhook-id", ""), request.body)
    return received


def _look_closer(deliveries: Deliveries, relay: CountingRelay, keys: TokenKeys) -> None:
    for message_id in relay.altered:
        if token := keys.read_web(message_id.split(b"@")[0].decode()):
            deliveries.altered[token.task].add(token.ordinal)
    for at, sender in relay.begun:
        if token := keys.read_verp(sender.split(b"@")[0].decode()):
            deliveries.begin(token.task, at)


def tell(findings: Sequence[Finding]) -> str:
    return "the auditor found:\n" + "\n".join(map(str, findings))


def _names(sink: CountingRelay | FakeRelay | FakeGateway) -> Iterator[tuple[str, int]]:
    """The token of each message that it took, and how often."""
    if isinstance(sink, FakeGateway):
        yield from sink.copies().items()
    elif isinstance(sink, CountingRelay):
        yield from ((message_id.split(b"@")[0].decode(), copies) for message_id, copies in sink.taken.items())
    else:
        yield from ((taken.message_id.strip("<>").split("@")[0], 1) for taken in sink.ledger)
