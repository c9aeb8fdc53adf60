"""Octets of SMPP: cut out of a stream however it is split, and never an exception but the one that says so."""

from itertools import accumulate, pairwise

import pytest
import smpp34
from hypothesis import given
from hypothesis import strategies as st

from services.dispatcher.channels.smpp.alphabet import encode_text
from services.dispatcher.channels.smpp.pdu import Command, NotSmpp, Pdu, PduReader, encode, read_delivery, submit
from shared.domain.sms_parts import count_parts

UNITS = st.builds(
    Pdu, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.binary(max_size=300)
)


@given(st.lists(UNITS, max_size=6), st.lists(st.integers(1, 40), max_size=60))
def test_units_are_found_however_the_stream_is_split(units: list[Pdu], sizes: list[int]) -> None:
    stream = b"".join(encode(unit.command, unit.sequence, unit.body, unit.status) for unit in units)
    cuts = [0, *(cut for cut in accumulate(sizes) if cut < len(stream)), len(stream)]
    reader = PduReader()

    found = [unit for begin, end in pairwise(cuts) for unit in reader.feed(stream[begin:end])]

    assert found == units


@pytest.mark.parametrize("length", [0, 15, 65_537, 2**32 - 1])
def test_a_length_that_cannot_be_ends_the_stream(length: int) -> None:
    with pytest.raises(NotSmpp):
        list(PduReader().feed(length.to_bytes(4, "big") + bytes(12)))


@given(st.binary(max_size=400))
def test_any_delivery_is_read_or_refused(body: bytes) -> None:
    try:
        read_delivery(Pdu(Command.DELIVER_SM, 0, 1, body))
    except NotSmpp:
        pass


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=50))
def test_a_text_is_encoded_as_it_is_charged(text: str) -> None:
    """Septets or code units: what the parts are counted in."""
    coding, octets = encode_text(text)
    counted = count_parts(text)

    assert (coding == 0) == (counted.encoding == "GSM-7")
    assert len(octets) == counted.units * (1 if coding == 0 else 2)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        pytest.param("x" * 160, 1, id="a part of septets"),
        pytest.param("x" * 161, 2, id="one septet more"),
        pytest.param("ж" * 70, 1, id="a part of UTF-16"),
        pytest.param("ж" * 71, 2, id="one unit more"),
    ],
)
def test_what_is_longer_than_a_part_goes_as_a_payload(text: str, parts: int) -> None:
    """Which the SMSC cuts; in the field of a single part it would be turned away, or cut off."""
    message = smpp34.decode(submit("Acme", "+447700900000", text, 1))

    assert isinstance(message, smpp34.SubmitSm)
    assert count_parts(text).parts == parts
    _, octets = encode_text(text)
    payload = [tlv.value for tlv in message.tlvs]
    assert (message.short_message, payload) == ((octets, []) if parts == 1 else (b"", [octets]))
