"""Where the relay is and how it wants to be spoken to, as one URL. Pure."""

from dataclasses import dataclass
from typing import Final, Literal, get_args
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

StartTls = Literal["none", "opportunistic", "require"]

_PORTS: Final = {"smtp": 25, "smtps": 465}


@dataclass(frozen=True, slots=True)
class RelayAddress:
    host: str
    port: int
    tls_from_start: bool = False  #: smtps, RFC 8314
    starttls: StartTls = "opportunistic"
    user: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        """Without the credentials: this ends up in logs."""
        scheme = "smtps" if self.tls_from_start else "smtp"
        return f"RelayAddress({scheme}://{self.host}:{self.port}, starttls={self.starttls})"


def parse_relay_url(text: str) -> RelayAddress | list[str]:
    """``smtp://user:password@host:port?starttls=none|opportunistic|require`` or ``smtps://…``; else every fault in it.

    Ports default to 25 and 465; starttls to ``opportunistic``, with a password to ``require``.
    """
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as fault:
        return [f"not a URL: {fault}"]
    arguments = dict(parse_qsl(url.query, keep_blank_values=True))
    faults = [*_address_faults(url), *_argument_faults(url, arguments)]
    if faults or url.hostname is None:
        return faults
    default: StartTls = "require" if url.password else "opportunistic"
    return RelayAddress(
        host=url.hostname,
        port=port if port is not None else _PORTS[url.scheme],
        tls_from_start=url.scheme == "smtps",
        starttls=next((policy for policy in get_args(StartTls) if policy == arguments.get("starttls")), default),
        user=unquote(url.username) if url.username else None,
        password=unquote(url.password) if url.password else None,
    )


def _address_faults(url: SplitResult) -> list[str]:
    faults = [] if url.scheme in _PORTS else [f"the scheme must be smtp or smtps, not {url.scheme!r}"]
    if not url.hostname:
        faults.append("the host is missing")
    if url.port == 0:
        faults.append("the port must be 1 to 65535")
    if url.path not in ("", "/") or url.fragment:
        faults.append("nothing may follow the host but ?starttls=")
    if bool(url.username) != bool(url.password):
        faults.append("user and password go together")
    if "\0" in unquote(url.netloc):
        faults.append("NUL is not allowed")
    return faults


def _argument_faults(url: SplitResult, arguments: dict[str, str]) -> list[str]:
    faults = [f"unknown argument {name!r}: only starttls is known" for name in arguments if name != "starttls"]
    starttls = arguments.get("starttls")
    if starttls is None:
        return faults
    if starttls not in get_args(StartTls):
        faults.append(f"starttls must be none, opportunistic or require, not {starttls!r}")
    if url.scheme == "smtps":
        faults.append("smtps is encrypted from the start: starttls has no place there")
    if starttls == "opportunistic" and url.password:
        faults.append("a password needs starttls=require, or starttls=none to say that it may go in clear")
    return faults
