"""How the text of a setting becomes its value: each raises ValueError saying what was expected. Pure."""

import base64
import binascii
from decimal import Decimal, InvalidOperation
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

_SWITCHES: Final = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}


def read_text(value: str) -> str:
    return value


def read_count(value: str) -> int:
    if int(value) < 1:
        raise ValueError("1 or more")
    return int(value)


def read_count_or_off(value: str) -> int:
    return 0 if value.strip() in ("", "0") else read_count(value)


def read_percent_or_off(value: str) -> Decimal:
    try:
        percent = Decimal(value.strip() or "0")
    except InvalidOperation as error:
        raise ValueError("a percentage, 0 to 100") from error
    if not (percent.is_finite() and 0 <= percent <= 100):
        raise ValueError("a percentage, 0 to 100")
    return percent


def read_port(value: str) -> int:
    if not 0 <= int(value) <= 65535:
        raise ValueError("a port is 0 to 65535")
    return int(value)


def read_roles(value: str) -> frozenset[str]:
    """Of a dispatcher."""
    roles = frozenset(part.strip() for part in value.split(","))
    if not roles <= {"send", "jobs"}:
        raise ValueError("send, jobs or send,jobs")
    return roles


def read_ports(value: str) -> frozenset[int]:
    ports = frozenset(int(part) for part in value.split(",") if part.strip())
    if not all(1 <= port <= 65535 for port in ports):
        raise ValueError("ports are 1 to 65535, comma-separated")
    return ports


def read_callback_window(value: str) -> int:
    if not 1 <= int(value) <= 240:
        raise ValueError("1 to 240 seconds: the first attempt is due 300 seconds after an event")
    return int(value)


def read_period(value: str) -> float:
    if not read_seconds(value):
        raise ValueError("more than 0 seconds")
    return read_seconds(value)


def read_seconds(value: str) -> float:
    if not 0 <= float(value) < 10**9:
        raise ValueError("seconds, 0 or more")
    return float(value)


def read_pauses(value: str) -> tuple[float, ...]:
    return tuple(read_seconds(part) for part in value.split(",") if part.strip())


def read_networks(value: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())


def read_text_message(value: str) -> str:
    if not value.strip() or not value.isprintable() or len(value) > 480:
        raise ValueError("one line of 1 to 480 characters")
    return value


def read_delivered(value: str) -> str:
    if value not in ("accepted", "dsn"):
        raise ValueError("accepted or dsn")
    return value


def read_switch(value: str) -> bool:
    if value.lower() not in _SWITCHES:
        raise ValueError("on or off")
    return _SWITCHES[value.lower()]


def read_name_server(value: str) -> tuple[str, int] | None:
    """(address, port); None: those of the system."""
    if not value:
        return None
    try:
        at = urlsplit(f"//{value}")
        return str(ip_address(at.hostname or "")), at.port or 53
    except ValueError as error:
        raise ValueError("an address, as 192.0.2.1, 192.0.2.1:5353 or [2001:db8::1]:5353") from error


def read_log_level(value: str) -> str:
    if value not in ("debug", "info", "warning", "error"):
        raise ValueError("debug, info, warning or error")
    return value


def read_secrets(value: str) -> tuple[bytes, ...]:
    """Base64, comma-separated; the first signs, all verify."""
    try:
        found = tuple(base64.b64decode(part.strip(), validate=True) for part in value.split(","))
    except binascii.Error as error:
        raise ValueError("base64 of at least 32 bytes each, comma-separated") from error
    if any(len(secret) < 32 for secret in found):
        raise ValueError("each secret needs at least 32 bytes")
    return found
