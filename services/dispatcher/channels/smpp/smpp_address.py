"""Where an SMSC is and how it wants to be bound to, as one URL. Pure."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

_PORTS: Final = {"smpp": 2775, "smpps": 3550}
_LONGEST: Final = {"system_id": 15, "password": 8, "system_type": 12}  #: octets, SMPP 3.4 section 4.1
_MOST_WINDOW: Final = 1000


@dataclass(frozen=True, slots=True)
class SmppAddress:
    host: str
    port: int
    system_id: str
    password: str
    system_type: str = ""
    window: int = 10  #: messages of one connection that may wait for their answer
    tls: bool = False

    def __repr__(self) -> str:
        """Without the credentials: this ends up in logs."""
        return f"SmppAddress({'smpps' if self.tls else 'smpp'}://{self.host}:{self.port})"


def parse_smpp_url(text: str) -> SmppAddress | list[str]:
    """``smpp://system_id:password@host:port?window=10&system_type=`` or ``smpps://…``; else every fault in it.

    Ports default to 2775 and 3550.
    """
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as fault:
        return [f"not a URL: {fault}"]
    arguments = dict(parse_qsl(url.query, keep_blank_values=True))
    system_id, password = unquote(url.username or ""), unquote(url.password or "")
    system_type, window = arguments.get("system_type", ""), arguments.get("window", "10")
    names = {"system_id": system_id, "password": password, "system_type": system_type}
    faults = [*_url_faults(url, arguments), *_name_faults(names)]
    if not (window.isascii() and window.isdigit() and 1 <= int(window) <= _MOST_WINDOW):
        faults.append(f"window must be 1 to {_MOST_WINDOW}, not {window!r}")
    if faults or url.hostname is None:
        return faults
    port = port if port is not None else _PORTS[url.scheme]
    return SmppAddress(url.hostname, port, system_id, password, system_type, int(window), url.scheme == "smpps")


def _url_faults(url: SplitResult, arguments: dict[str, str]) -> list[str]:
    faults = [] if url.scheme in _PORTS else [f"the scheme must be smpp or smpps, not {url.scheme!r}"]
    if not url.hostname:
        faults.append("the host is missing")
    if url.port == 0:
        faults.append("the port must be 1 to 65535")
    if url.path not in ("", "/") or url.fragment:
        faults.append("nothing may follow the host but arguments")
    if not url.username:
        faults.append("the system_id is missing: smpp://system_id:password@host")
    known = ("window", "system_type")
    return [
        *faults,
        *(f"unknown argument {name!r}: {' and '.join(known)} are known" for name in arguments if name not in known),
    ]


def _name_faults(names: dict[str, str]) -> list[str]:
    return [
        f"{name} must be at most {_LONGEST[name]} ASCII characters"
        for name, value in names.items()
        if len(value) > _LONGEST[name] or not value.isascii() or "\0" in value
    ]
