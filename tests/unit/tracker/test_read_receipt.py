"""What gateways say about a message, in both forms, and what is no receipt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tracker.decisions.read_receipt import BadReceipt, Receipt, read_receipt
from shared.domain.delivery import Kind
from shared.domain.sms_receipt import STATUSES

JSON, FORM = "application/json", "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("body", "receipt"),
    [
        (b'{"status": "accepted", "reason": "queued"}', Receipt("accepted", None, "")),
        (b'{"status": "delivered", "reason": "ok"}', Receipt("delivered", Kind.DELIVERED, "")),
        (b'{"status": "failed", "reason": "no route"}', Receipt("failed", Kind.BOUNCED, "receipt failed: no route")),
        (b'{"status": "rejected"}', Receipt("rejected", Kind.BOUNCED, "receipt rejected")),
        (
            b'{"status": "undeliverable", "reason": null}',
            Receipt("undeliverable", Kind.BOUNCED, "receipt undeliverable"),
        ),
        (b'{"status": "expired", "reason": 30008}', Receipt("expired", Kind.BOUNCED, "receipt expired: 30008")),
        (b'{"status": "unknown", "reason": ""}', Receipt("unknown", Kind.BOUNCED, "receipt unknown")),
        (b'{"status": " Delivered ", "id": 7, "to": "+447700900123"}', Receipt("delivered", Kind.DELIVERED, "")),
        (
            b'{"status": "failed", "reason": "+44 7700 900123\\nis off"}',
            Receipt("failed", Kind.BOUNCED, "receipt failed: number is off"),
        ),
    ],
)
def test_a_receipt_in_json(body: bytes, receipt: Receipt) -> None:
    """A note holds no telephone number, whatever the gateway writes."""
    assert read_receipt(JSON, body) == read_receipt("", body) == receipt


@pytest.mark.parametrize(
    ("body", "receipt"),
    [
        (b"status=delivered", Receipt("delivered", Kind.DELIVERED, "")),
        (b"reason=no+route&status=failed&more=x", Receipt("failed", Kind.BOUNCED, "receipt failed: no route")),
        (b"status=expired&reason=", Receipt("expired", Kind.BOUNCED, "receipt expired")),
    ],
)
def test_a_receipt_in_a_form(body: bytes, receipt: Receipt) -> None:
    assert read_receipt(f"{FORM}; charset=utf-8", body) == receipt


@pytest.mark.parametrize(
    ("content_type", "body", "fields"),
    [
        (JSON, b"", {""}),
        (JSON, b"[]", {""}),
        (JSON, b"{", {""}),
        (JSON, b"status=delivered", {""}),
        (FORM, b"\xff", {""}),
        (FORM, b"&".join([b"a=b"] * 40), {""}),
        (FORM, b"", {"status"}),
        (JSON, b"{}", {"status"}),
        (JSON, b'{"status": "lost"}', {"status"}),
        (JSON, b'{"status": ["delivered"]}', {"status"}),
        (JSON, b'{"status": "failed", "reason": {}}', {"reason"}),
        (JSON, b'{"status": 1, "reason": true}', {"status", "reason"}),
    ],
)
def test_every_fault_of_what_is_no_receipt_is_named(content_type: str, body: bytes, fields: set[str]) -> None:
    receipt = read_receipt(content_type, body)

    assert isinstance(receipt, BadReceipt)
    assert set(receipt.faults) == fields
    assert "status" not in fields or all(status in receipt.faults["status"] for status in STATUSES)


@given(st.sampled_from([JSON, FORM, "", "text/html"]), st.binary() | st.text().map(str.encode))
def test_whatever_is_posted_has_an_answer(content_type: str, body: bytes) -> None:
    assert isinstance(read_receipt(content_type, body), Receipt | BadReceipt)
