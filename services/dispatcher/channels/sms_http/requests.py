"""A message as an HTTP request. Pure: the same message gives the same octets at each attempt."""

from base64 import b64encode

import orjson

from services.dispatcher.channels.interface import Outgoing
from services.dispatcher.channels.sms_http.gateway_address import GatewayAddress


def request_head(gateway: GatewayAddress) -> bytes:
    """What all requests begin with: complete but for the length of the body."""
    host = f"[{gateway.host}]" if ":" in gateway.host else gateway.host
    port = "" if gateway.port == (443 if gateway.tls else 80) else f":{gateway.port}"
    lines = [
        f"POST {gateway.target} HTTP/1.1",
        f"Host: {host}{port}",
        "User-Agent: postroom",
        "Accept: application/json, text/plain",
        "Content-Type: application/json",
    ]
    if gateway.user is not None:
        lines.append(f"Authorization: Basic {b64encode(f'{gateway.user}:{gateway.password}'.encode()).decode()}")
    return "\r\n".join(lines).encode("ascii") + b"\r\nContent-Length: "


def request_for(message: Outgoing, head: bytes, receipts: str) -> bytes:
    """``receipts``: base of the receipt URLs, without a slash at its end."""
    body = orjson.dumps(
        {
            "id": message.reference,
            "to": message.recipient.decode("ascii"),
            "from": message.sender.decode(),
            "body": message.content.decode(),
            "receipt_url": f"{receipts}/{message.reference}",
        }
    )
    return b"%b%d\r\n\r\n%b" % (head, len(body), body)
