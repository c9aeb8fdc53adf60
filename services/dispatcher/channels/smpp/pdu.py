"""SMPP 3.4 protocol data units as octets: those of a session by hand, those of messages by a codec. Pure.

The only file that names ``smpp34``. Of that library the codec is used and not the session: its session acknowledges a
receipt before anybody could have stored it.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import smpp34

from services.dispatcher.channels.smpp.alphabet import DEFAULT_ALPHABET, UCS2, encode_text
from services.dispatcher.channels.smpp.smpp_address import SmppAddress

VERSION: Final = 0x34
RESPONSE: Final = 0x8000_0000
MOST_OCTETS: Final = 65_536  #: of one unit
#: Octets of one part by data_coding; a longer text goes as message_payload, and the SMSC cuts it.
MOST_SHORT: Final = {DEFAULT_ALPHABET: 160, UCS2: 140}

_HEADER: Final = struct.Struct(">IIII")  #: length, command, status, sequence
#: Optional parameters, section 5.3.2.
_REFERENCE: Final = 0x001E  #: receipted_message_id
_PAYLOAD: Final = 0x0424  #: message_payload
_STATE: Final = 0x0427  #: message_state
_RECEIPT_WANTED: Final = 1
_IS_RECEIPT: Final = 0x04  #: of esm_class, section 5.2.12
_KIND_OF_MESSAGE: Final = 0x3C


class Command(IntEnum):
    BIND_TRANSMITTER = 0x02
    SUBMIT_SM = 0x04
    DELIVER_SM = 0x05
    UNBIND = 0x06
    BIND_TRANSCEIVER = 0x09
    ENQUIRE_LINK = 0x15
    GENERIC_NACK = RESPONSE


class NotSmpp(Exception):
    """What came cannot be read; the stream has no meaning any more."""


@dataclass(frozen=True, slots=True)
class Pdu:
    command: int
    status: int
    sequence: int
    body: bytes

    @property
    def is_response(self) -> bool:
        return bool(self.command & RESPONSE)

    @property
    def text(self) -> str:
        """The C-octet string that the body begins with, as the id in submit_sm_resp."""
        return self.body.partition(b"\0")[0].decode("latin-1")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A deliver_sm. ``state`` and ``reference``: of a receipt that says so apart from its text."""

    is_receipt: bool
    text: bytes
    reference: str | None
    state: int | None


class PduReader:
    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> Iterator[Pdu]:
        """Each unit that ``data`` completes. Raises NotSmpp."""
        self._data += data
        while len(self._data) >= _HEADER.size:
            length, command, status, sequence = _HEADER.unpack_from(self._data)
            if not _HEADER.size <= length <= MOST_OCTETS:
                raise NotSmpp(f"a unit of {length} octets")
            if len(self._data) < length:
                return
            body, self._data = self._data[_HEADER.size : length], self._data[length:]
            yield Pdu(command, status, sequence, body)


def encode(command: int, sequence: int, body: bytes = b"", status: int = 0) -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), command, status, sequence) + body


def bind(command: Command, address: SmppAddress, sequence: int) -> bytes:
    """Sections 4.1.1 and 4.1.5."""
    names = (address.system_id, address.password, address.system_type)
    body = b"".join(name.encode("ascii") + b"\0" for name in names) + bytes((VERSION, 0, 0, 0))
    return encode(command, sequence, body)


def submit(sender: str, telephone: str, text: str, sequence: int) -> bytes:
    """A submit_sm (section 4.4.1) that asks for a receipt. ``telephone`` in E.164. ValueError if it cannot be said."""
    coding, octets = encode_text(text)
    ton, npi, source = _source(sender)
    long = len(octets) > MOST_SHORT[coding]
    message = smpp34.SubmitSm(
        source,
        telephone.removeprefix("+"),
        b"" if long else octets,
        source_addr_ton=ton,
        source_addr_npi=npi,
        dest_addr_ton=1,
        dest_addr_npi=1,
        registered_delivery=_RECEIPT_WANTED,
        data_coding=coding,
        tlvs=[smpp34.Tlv(_PAYLOAD, octets)] if long else [],
        sequence_number=sequence,
    )
    return message.encode()


def _source(sender: str) -> tuple[int, int, str]:
    """Type of number, numbering plan and address, sections 5.2.5 and 5.2.6."""
    if sender.startswith("+"):
        return 1, 1, sender[1:]
    if sender.isdigit():
        return 3, 0, sender
    if not sender.isascii():
        raise ValueError(f"the sender {sender!r} is not ASCII")
    return 5, 0, sender


def read_delivery(pdu: Pdu) -> Delivery:
    """Raises NotSmpp."""
    try:
        message = smpp34.decode(encode(pdu.command, pdu.sequence, pdu.body, pdu.status))
    except (smpp34.SmppError, ValueError) as fault:
        raise NotSmpp(str(fault)) from fault
    if not isinstance(message, smpp34.DeliverSm):
        raise NotSmpp("a deliver_sm that is none")
    optional = {tlv.tag: tlv for tlv in message.tlvs}
    state, reference = optional.get(_STATE), optional.get(_REFERENCE)
    payload = optional.get(_PAYLOAD)
    return Delivery(
        is_receipt=message.esm_class & _KIND_OF_MESSAGE == _IS_RECEIPT,
        text=message.short_message or (payload.value if payload else b""),
        reference=reference.value.partition(b"\0")[0].decode("latin-1") if reference else None,
        state=state.value[0] if state and state.value else None,
    )
