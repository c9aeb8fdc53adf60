"""The domain that a mail says it is from: the one whose keys sign it."""

from email.parser import BytesHeaderParser
from email.utils import getaddresses


def read_from_domain(content: bytes) -> str | None:
    """As DNS has it, in lower case. None: no From, or not one address in it. ``content``: as for DATA."""
    headers = BytesHeaderParser().parsebytes(content.partition(b"\r\n\r\n")[0])
    found = getaddresses([str(value) for value in headers.get_all("From", [])])
    if len(found) != 1:
        return None
    local, _, domain = found[0][1].rpartition("@")
    return domain.lower() if local and domain and domain.isascii() else None
