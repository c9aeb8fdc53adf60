"""Where the SMS gateway is and who we are to it, as one URL. Pure."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class GatewayAddress:
    host: str
    port: int
    tls: bool
    target: str  #: path and query, as in the first line of a request
    user: str | None = None  #: with the password it goes as Basic (RFC 7617)
    password: str = ""

    def __repr__(self) -> str:
        """Without the credentials and the query: this ends up in logs."""
        scheme, path = "https" if self.tls else "http", self.target.partition("?")[0]
        return f"GatewayAddress({scheme}://{self.host}:{self.port}{path})"


def parse_gateway_url(text: str) -> GatewayAddress | list[str]:
    """``http://user:password@host:port/path?query`` or ``https://…``; else every fault in it, without what it says."""
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        return ["not a URL: its host or port cannot be read; in user and password write other characters as %XX"]
    faults = _faults(url, text)
    if faults or url.hostname is None:
        return faults
    return GatewayAddress(
        host=url.hostname,
        port=port if port is not None else _PORTS[url.scheme],
        tls=url.scheme == "https",
        target=(url.path or "/") + (f"?{url.query}" if url.query else ""),
        user=unquote(url.username) if url.username else None,
        password=unquote(url.password or ""),
    )


def _faults(url: SplitResult, text: str) -> list[str]:
    faults = [] if url.scheme in _PORTS else [f"the scheme must be http or https, not {url.scheme!r}"]
    if not url.hostname:
        faults.append("the host is missing")
    if url.port == 0:
        faults.append("the port must be 1 to 65535")
    if url.fragment:
        faults.append("nothing may follow # here")
    if url.password and not url.username:
        faults.append("a password needs a user")
    if ":" in unquote(url.username or ""):
        faults.append("no colon may stand in the user: Basic has no way to write it")
    if not text.isascii() or not text.isprintable() or " " in text:
        faults.append("it must be ASCII without spaces: write other characters as %XX")
    return faults
