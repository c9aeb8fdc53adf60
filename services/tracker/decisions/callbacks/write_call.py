"""What a callback says: its body, its id and its signature after Standard Webhooks 1.0. Pure.

Body and id are functions of the window and of whom it names: they repeat byte for byte. Time and signature are those
of the attempt.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from itertools import chain
from typing import Final
from urllib.parse import quote_plus

from services.tracker.decisions.callbacks.gather_windows import MOST_PEOPLE
from shared.domain.delivery import Kind
from shared.domain.identifiers import Channel

CONTENT_TYPE: Final = "application/x-www-form-urlencoded"

_PLAIN: Final = re.compile(r"[A-Za-z0-9._@+\n-]*")
_NAMES: Final[dict[Channel, str]] = {"email": "email", "sms": "telephone"}
_FIELDS: Final = {
    channel: tuple(f"&{name}%5B{place}%5D=" for place in range(MOST_PEOPLE)) for channel, name in _NAMES.items()
}


def write_body(kind: Kind, first_ms: int, channel: Channel, addresses: Sequence[str]) -> bytes:
    """``first_ms``: of the earliest event, in unix milliseconds; 1 to 1,000 addresses."""
    fields = zip(_FIELDS[channel], _escaped(addresses), strict=False)
    return "".join((f"event={kind.name.lower()}&when={first_ms // 1000}", *chain.from_iterable(fields))).encode()


def _escaped(addresses: Sequence[str]) -> list[str]:
    """All at once, joined by what stands in no address."""
    joined = "\n".join(addresses)
    if _PLAIN.fullmatch(joined):  # nearly all are, and letter by letter takes ten times as long
        joined = joined.replace("+", "%2B").replace("@", "%40")
    else:
        joined = quote_plus(joined, safe="\n")
    return joined.split("\n")


def sign(secret: str, webhook_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of one attempt. ``secret``: of the account, as ``whsec_`` and base64."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = hmac.new(key, f"{webhook_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
        "Content-Type": CONTENT_TYPE,
    }
