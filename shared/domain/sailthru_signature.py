"""The signature of Sailthru's clients: MD5 of the secret and of all values, sorted, one behind the other. Pure.

Values only, never names, as they stood before they were encoded for the URL; brackets in names change nothing. MD5 and
the order are the clients', and no wish of ours.
"""

import hashlib
import hmac
from collections.abc import Iterable


def sign(secret: str, values: Iterable[str]) -> str:
    """32 hexadecimal digits in lower case. Sorted by the bytes of UTF-8, which is the order of code points."""
    encoded = sorted(value.encode("utf-8", "surrogatepass") for value in values)
    return hashlib.md5(secret.encode() + b"".join(encoded), usedforsecurity=False).hexdigest()


def is_signed(secret: str, values: Iterable[str], signature: str) -> bool:
    """In constant time; capital digits will do."""
    return hmac.compare_digest(sign(secret, values).encode(), signature.lower().encode("utf-8", "surrogatepass"))
