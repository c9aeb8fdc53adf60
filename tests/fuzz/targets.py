"""Everything that reads what strangers send, as functions of bytes that raise where something is not as it must be."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from services.api.body import parse_object, read_query
from services.api.console.session import read_session
from services.api.dialects.sailthru.read_multipart import read_multipart
from services.api.dialects.sailthru.read_wire import read_params, read_wire
from services.api.lines import CSV, NDJSON, lines_body
from services.api.paging import read_cursor
from services.api.parse_form import parse_form, read_pairs
from services.api.resources.event.place import read_place
from services.api.resources.subscriber.schema import NewSubscriber
from services.api.resources.task.schema import TaskQuery
from services.dispatcher.channels.smpp.pdu import NotSmpp, PduReader, read_delivery
from services.dispatcher.channels.smtp.replies import Reply, ReplyReader
from services.dispatcher.decisions.read_limits import read_domain_limits, read_transport_limit
from services.dispatcher.decisions.read_people import read_addresses, read_csv, read_header, read_updates
from services.tracker.decisions.read_inbound import FORM, JSON, read_inbound
from services.tracker.decisions.read_receipt import read_receipt
from services.tracker.decisions.read_wish import read_wish
from services.tracker.decisions.returned_mail.judge_mail import judge_mail
from services.tracker.decisions.returned_mail.parse_mail import MOST_READ
from shared.bus.hint_codec import decode_hint
from shared.domain.addresses import read_domain, read_email, read_telephone
from shared.domain.cut_pieces import LONGEST_LINE, PieceCutter
from shared.domain.identifiers import Instant
from shared.domain.outbound_url import OutboundUrl, parse_outbound_url
from shared.domain.read_subscriber_query import from_json
from shared.domain.read_subscriber_query import read_query as read_search
from shared.domain.refusal import Fault
from shared.domain.subscriber_query import Query
from shared.domain.tokens import TokenKeys, TokenKind
from shared.domain.write_subscriber_query import to_json
from shared.runtime.tracing import read_traceparent
from tests.fuzz.messages import compose_mail

KEYS: Final = TokenKeys([b"a secret of at least thirty-two bytes"])
PEOPLE: Final = lines_body(NewSubscriber, as_csv=True)
NOW: Final = Instant(1_700_000_000.0)


def _text(data: bytes) -> str:
    """Also halves of characters, as JSON may bring them."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")


def mail(data: bytes) -> None:
    """A mail that came back: judged, and never from more than is read of it."""
    for found in judge_mail(data[:MOST_READ]).findings:
        assert len(found.note) < 5_000
        assert not any(sign in found.note for sign in "\r\n\0")


def import_lines(data: bytes) -> None:
    """The same pieces, however the file comes; and every line is read or blamed."""
    half = len(data) // 2
    whole, halves = PieceCutter(3, 64), PieceCutter(3, 64)
    pieces = [*whole.feed(data), *whole.finish()]
    assert pieces == [*halves.feed(data[:half]), *halves.feed(data[half:]), *halves.finish()]
    for piece in pieces:
        assert max(map(len, piece.data.split(b"\n"))) <= LONGEST_LINE + 1
        read_addresses(piece.data, piece.first_line)
        read_updates(piece.data, piece.first_line, NOW)
    columns = read_header(data)
    if columns is not None and not isinstance(columns, str):
        for piece in pieces:
            read_csv(piece.data, piece.first_line, columns, NOW)


def token(data: bytes) -> None:
    """Only what we made is one: whoever changes it has none, or the same."""
    assert _own(KEYS.read_web(_text(data)), KEYS.web)
    assert _own(KEYS.read_verp(_text(data)), KEYS.verp)
    read_traceparent(_text(data))
    read_session([b"s" * 32], _text(data), NOW)


def _own(read: Any, write: Callable[[int, int, TokenKind, int], str]) -> bool:
    return read is None or bool(write(read.task, read.ordinal, read.kind, read.link))


def query_filter(data: bytes) -> None:
    """Of listings, cursors among them, and of searches: what was read is written and read again."""
    text = _text(data)
    read_query(TaskQuery, text)
    for read in (read_cursor, read_place, read_limits):
        read(text)
    given = parse_object(FORM, data) if b"=" in data[:40] else parse_object(JSON, data)
    if isinstance(given, dict):
        for as_text in (True, False):
            found = read_search(given, as_text=as_text)
            if isinstance(found, Query):
                assert from_json(to_json(found)) == found


def read_limits(text: str) -> None:
    read_transport_limit(text)
    read_domain_limits(text)


def body(data: bytes) -> None:
    """Of requests, in every form that is taken."""
    for media in (JSON, FORM, NDJSON, CSV):
        read = PEOPLE.read(media, data)
        assert read is not None
    parse_form(_text(data))
    pairs = read_pairs(_text(data))
    if not isinstance(pairs, Fault):
        read_wire(pairs)
    read_params(data)
    read_multipart("b", data)
    for content_type in (JSON, FORM, "multipart/form-data; boundary=b"):
        read_wish(content_type, data)
        read_receipt(content_type, data)
        read_inbound(content_type, data)


def address(data: bytes) -> None:
    """What is taken for one can stand in a header and in a command."""
    text = _text(data)
    for read in (read_email, read_domain, read_telephone):
        found = read(text)
        if isinstance(found, str):
            assert not any(ord(sign) < 33 or ord(sign) == 127 for sign in found)
            assert "<" not in found
            assert ">" not in found


def url(data: bytes) -> None:
    """What is taken is taken again, and goes into one line of a request."""
    found = parse_outbound_url(_text(data))
    if isinstance(found, OutboundUrl):
        assert found.path.isascii()
        assert not any(sign.isspace() for sign in found.path + (found.query or "") + found.host)
        again = parse_outbound_url(f"{found.scheme}://{found.wire_host}:{found.port}{found.path}")
        assert isinstance(again, OutboundUrl)
        assert (again.host, again.port, again.path) == (found.host, found.port, found.path)


def peer(data: bytes) -> None:
    """What relays, gateways and the bus say, split anywhere: the same, or no such thing at all."""
    decode_hint(data)
    assert _replies(data[: len(data) // 2], data[len(data) // 2 :]) == _replies(data)
    try:
        for unit in PduReader().feed(data):
            read_delivery(unit)
    except NotSmpp:
        pass


def _replies(*parts: bytes) -> list[Reply] | None:
    """None: they cannot be read."""
    reader, replies = ReplyReader(), list[Reply]()
    faults = [reader.feed(part, replies) for part in parts]
    return None if any(faults) else replies


def message(data: bytes) -> None:
    """What an author wrote and what a recipient is called: one mail of a known shape, or a refusal."""
    text = _text(data)
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        fields = [text] * 5
    if not isinstance(fields, list) or not all(isinstance(each, str) for each in fields):
        fields = [text] * 5
    compose_mail(*(fields + [""] * 5)[:5])


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    target.__name__: target for target in (mail, import_lines, token, query_filter, body, address, url, peer, message)
}


def splice(first: bytes, second: bytes, cuts: Sequence[int]) -> bytes:
    """Something of both: what stands at the cuts, modulo their lengths, is repeated, dropped or changed."""
    data = bytearray(first)
    for number, cut in enumerate(cuts):
        place = cut % (len(data) + 1)
        match number % 4:
            case 0:
                data[place:place] = second[cut % (len(second) + 1) :][: cut % 40]
            case 1:
                del data[place : place + cut % 9]
            case 2:
                data[place : place + 1] = bytes([cut % 256])
            case _:
                data[place:place] = data[: place % 30] * (cut % 3)
    return bytes(data)
