"""A name server on loopback: answers over UDP and TCP what a test publishes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread

from dnslib import MX, QTYPE, RCODE, RR, TXT, DNSRecord  # type: ignore[import-untyped]  # it has no types
from dnslib.server import DNSHandler, DNSLogger, DNSServer  # type: ignore[import-untyped]  # likewise

from services.standalone.private_process import free_port
from shared.domain.dns_records import LONGEST_STRING

UDP_OCTETS = 512  #: of an answer, RFC 1035 4.2.1
_LOOK_SECONDS = 0.02  #: for the wish to stop


@dataclass
class NameServer:
    """``records``: by type and name. A name with nothing is NXDOMAIN. ``failing``: answers SERVFAIL to everything."""

    port: int
    records: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    failing: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)

    def publish(self, kind: str, name: str, *values: str) -> None:
        self.records[kind, name.lower()] = list(values)

    def resolve(self, request: DNSRecord, handler: DNSHandler) -> DNSRecord:
        name, kind = str(request.q.qname).rstrip(".").lower(), QTYPE[request.q.qtype]
        self.asked.append((kind, name))
        reply = request.reply()
        if self.failing:
            reply.header.rcode = RCODE.SERVFAIL
        elif not any(known == name for _, known in self.records):
            reply.header.rcode = RCODE.NXDOMAIN
        for value in [] if self.failing else self.records.get((kind, name), []):
            reply.add_answer(RR(request.q.qname, request.q.qtype, ttl=0, rdata=_data(kind, value)))
        return reply if handler.protocol == "tcp" or len(reply.pack()) <= UDP_OCTETS else _truncated(request)


def _truncated(request: DNSRecord) -> DNSRecord:
    """To be asked for again over TCP."""
    reply = request.reply()
    reply.header.tc = 1
    return reply


def _data(kind: str, value: str) -> MX | TXT:
    if kind == "MX":
        preference, host = value.split()
        return MX(host, int(preference))
    return TXT([value[start : start + LONGEST_STRING].encode() for start in range(0, len(value), LONGEST_STRING)])


@contextmanager
def name_server() -> Iterator[NameServer]:
    server = NameServer(free_port())
    logger = DNSLogger("-request,-reply,-truncated,-error", prefix=False)
    running = [
        DNSServer(server, address="127.0.0.1", port=server.port, tcp=tcp, logger=logger) for tcp in (False, True)
    ]
    for each in running:
        Thread(target=each.server.serve_forever, args=(_LOOK_SECONDS,), daemon=True).start()
    try:
        yield server
    finally:
        for each in running:
            each.stop()
            each.server.server_close()
