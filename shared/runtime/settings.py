"""All settings: read once from the environment, checked together, frozen. The only reader of the environment.

Every name is ``POSTROOM_`` and the field in capitals. A secret setting also reads ``NAME_FILE``, the path of a file
that holds the value. ``SETTINGS`` is what `postroom settings` lists.
"""

import base64
import binascii
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

PREFIX: Final = "POSTROOM_"

#: When mail counts as delivered: with the relay's 250, or only with a success DSN.
EmailDelivered = Literal["accepted", "dsn"]


class BadSettings(Exception):
    """Settings are missing or cannot be read; the message names every one."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Setting:
    name: str  #: without the prefix
    default: str | None  #: None: no default; needed where a service asks for it
    meaning: str
    read: Callable[[str], Any]
    secret: bool = False

    @property
    def variable(self) -> str:
        return PREFIX + self.name


def _text(value: str) -> str:
    return value


def _count(value: str) -> int:
    if int(value) < 1:
        raise ValueError("1 or more")
    return int(value)


def _count_or_off(value: str) -> int:
    return 0 if value.strip() in ("", "0") else _count(value)


def _percent_or_off(value: str) -> Decimal:
    try:
        percent = Decimal(value.strip() or "0")
    except InvalidOperation as error:
        raise ValueError("a percentage, 0 to 100") from error
    if not (percent.is_finite() and 0 <= percent <= 100):
        raise ValueError("a percentage, 0 to 100")
    return percent


def _port(value: str) -> int:
    if not 0 <= int(value) <= 65535:
        raise ValueError("a port is 0 to 65535")
    return int(value)


def _period(value: str) -> float:
    if not _seconds(value):
        raise ValueError("more than 0 seconds")
    return _seconds(value)


def _seconds(value: str) -> float:
    if not 0 <= float(value) < 10**9:
        raise ValueError("seconds, 0 or more")
    return float(value)


def _pauses(value: str) -> tuple[float, ...]:
    return tuple(_seconds(part) for part in value.split(",") if part.strip())


def _networks(value: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())


def _text_message(value: str) -> str:
    if not value.strip() or not value.isprintable() or len(value) > 480:
        raise ValueError("one line of 1 to 480 characters")
    return value


def _delivered(value: str) -> str:
    if value not in ("accepted", "dsn"):
        raise ValueError("accepted or dsn")
    return value


def _switch(value: str) -> bool:
    if value.lower() not in _SWITCHES:
        raise ValueError("on or off")
    return _SWITCHES[value.lower()]


def _name_server(value: str) -> tuple[str, int] | None:
    """(address, port); None: those of the system."""
    if not value:
        return None
    try:
        at = urlsplit(f"//{value}")
        return str(ip_address(at.hostname or "")), at.port or 53
    except ValueError as error:
        raise ValueError("an address, as 192.0.2.1, 192.0.2.1:5353 or [2001:db8::1]:5353") from error


def _log_level(value: str) -> str:
    if value not in ("debug", "info", "warning", "error"):
        raise ValueError("debug, info, warning or error")
    return value


def _secrets(value: str) -> tuple[bytes, ...]:
    """Base64, comma-separated; the first signs, all verify."""
    try:
        found = tuple(base64.b64decode(part.strip(), validate=True) for part in value.split(","))
    except binascii.Error as error:
        raise ValueError("base64 of at least 32 bytes each, comma-separated") from error
    if any(len(secret) < 32 for secret in found):
        raise ValueError("each secret needs at least 32 bytes")
    return found


_SWITCHES: Final = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}
_STOP_CONFIRMATION = "You have been unsubscribed and will get no more messages from this number. Reply START to undo."

_SEND_PAUSES = "300,600,1200,2400,4800,5100"  # 5 minutes doubling to 4 hours in all

SETTINGS: Final[tuple[Setting, ...]] = (
    Setting("DATABASE_URL", None, "Postgres, as postgresql://user:password@host:port/name", _text, secret=True),
    Setting(
        "DATABASE_DIRECT_URL", "", "Postgres past a pooler, for migrations; empty: DATABASE_URL", _text, secret=True
    ),
    Setting(
        "BUS_URL",
        None,
        "RabbitMQ, as amqp://user:password@host:port/vhost; inprocess: within one process",
        _text,
        secret=True,
    ),
    Setting(
        "SMTP_URL",
        None,
        "The relay, as smtp://user:password@host:port?starttls=none|opportunistic|require or smtps://",
        _text,
        secret=True,
    ),
    Setting(
        "SMS_URL",
        None,
        "The SMS gateway, as http://user:password@host:port/path or https://",
        _text,
        secret=True,
    ),
    Setting(
        "SECRET",
        None,
        "Signs tokens and encrypts stored secrets: base64, at least 32 bytes; comma-separated for rotation",
        _secrets,
        secret=True,
    ),
    Setting("HOST", "127.0.0.1", "The address the services listen on", _text),
    Setting("API_PORT", "8080", "Port of the HTTP API; 0: any free one", _port),
    Setting("TRACKER_PORT", "8081", "Port of pixel, links and unsubscribe; 0: any free one", _port),
    Setting("TRACKER_URL", "", "Public base of the links in messages; empty: http://HOST:TRACKER_PORT", _text),
    Setting(
        "TRUSTED_PROXIES",
        "",
        "Networks (as 10.0.0.0/8, comma-separated) of proxies before the tracker whose X-Forwarded-For is believed",
        _networks,
    ),
    Setting("BOUNCE_PORT", "8025", "Port for bounces and complaints, by SMTP and LMTP; 0: any free one", _port),
    Setting("METRICS_PORT", "9090", "Port of the dispatcher's health and metrics; 0: any free one", _port),
    Setting(
        "JOURNAL_DIR", "/var/lib/postroom/journal", "Folder of the sending journal; must outlive the process", Path
    ),
    Setting(
        "BOUNCE_DOMAIN",
        "bounce.localhost",
        "Domain of envelope senders and message ids where a campaign names none",
        _text,
    ),
    Setting("MX_HOST", "", "Host that takes bounces, as MX records are to name it; empty: BOUNCE_DOMAIN", _text),
    Setting(
        "DNS_CHECK",
        "on",
        "on: mail is sent only from domains whose records DNS shows; off: domains are taken on trust",
        _switch,
    ),
    Setting(
        "DNS_SERVER",
        "",
        "The name server to ask, as address or address:port; empty: the system's",
        _name_server,
    ),
    Setting(
        "EMAIL_DELIVERED", "accepted", "When mail counts as delivered: accepted (the relay's 250) or dsn", _delivered
    ),
    Setting("SOFT_BOUNCES", "3", "So many temporary bounces of one address, by different tasks, suppress it", _count),
    Setting("SOFT_BOUNCE_DAYS", "30", "Within so many days", _count),
    Setting(
        "STOP_CONFIRMATION", _STOP_CONFIRMATION, "The SMS that answers a STOP, once for each opt-out", _text_message
    ),
    Setting("SMTP_CONNECTIONS", "10", "Connections one dispatcher keeps to its relay", _count),
    Setting("SMS_CONNECTIONS", "10", "Connections one dispatcher keeps to its SMS gateway", _count),
    Setting(
        "SMTP_LIMITS",
        "",
        "What all dispatchers together may do at the relay: connections=40 rate=100 (messages a second) "
        "messages_per_connection=100, each optional",
        _text,
    ),
    Setting("SMS_LIMITS", "", "The same for the SMS gateway: connections=4 rate=20", _text),
    Setting(
        "DOMAIN_LIMITS",
        "",
        "The same for recipient domains: gmail.com,googlemail.com connections=10 rate=20; example.org rate=0.5",
        _text,
    ),
    Setting("RETRY_SECONDS", _SEND_PAUSES, "Pauses between attempts for one recipient, comma-separated", _pauses),
    Setting(
        "PAUSE_AFTER",
        "1000",
        "Accepted messages after which a task may pause itself for its bounces or complaints; 0 or empty: never",
        _count_or_off,
    ),
    Setting(
        "PAUSE_BOUNCE_PERCENT",
        "5",
        "A task pauses itself above so many hard bounces in 100 accepted messages; 0 or empty: never for them",
        _percent_or_off,
    ),
    Setting(
        "PAUSE_COMPLAINT_PERCENT",
        "0.3",
        "A task pauses itself above so many complaints in 100 accepted messages; 0 or empty: never for them",
        _percent_or_off,
    ),
    Setting("SWEEP_SECONDS", "2", "How often each loop looks for work that no hint announced", _period),
    Setting("DATABASE_CONNECTIONS", "8", "Connections of one service to Postgres", _count),
    Setting("LOG_LEVEL", "info", "debug, info, warning or error", _log_level),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The values by field, as SETTINGS reads them."""

    database_url: str
    database_direct_url: str
    bus_url: str
    smtp_url: str
    sms_url: str
    secret: tuple[bytes, ...]
    host: str
    api_port: int
    tracker_port: int
    tracker_url: str
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    bounce_port: int
    metrics_port: int
    journal_dir: Path
    bounce_domain: str
    mx_host: str
    dns_check: bool
    dns_server: tuple[str, int] | None
    email_delivered: EmailDelivered
    soft_bounces: int
    soft_bounce_days: int
    stop_confirmation: str
    smtp_connections: int
    sms_connections: int
    smtp_limits: str
    sms_limits: str
    domain_limits: str
    retry_seconds: tuple[float, ...]
    pause_after: int
    pause_bounce_percent: Decimal
    pause_complaint_percent: Decimal
    sweep_seconds: float
    database_connections: int
    log_level: str

    @property
    def public_tracker_url(self) -> str:
        """The base of what leads back to the tracker, without a slash at its end."""
        return (self.tracker_url or f"http://{self.host}:{self.tracker_port}").rstrip("/")


def read_settings(environment: Mapping[str, str], needed: frozenset[str], one_of: tuple[str, ...] = ()) -> Settings:
    """``needed``: names without default that this service cannot do without; ``one_of``: at least one of these, too.
    Raises BadSettings naming every fault.

    What is not needed and not given is empty.
    """
    faults: list[str] = []
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        text = _given(setting, environment, faults)
        if not text and setting.name in needed:
            faults.append(f"{setting.variable} is missing: {setting.meaning}")
        if text is None:
            values[setting.name.lower()] = () if setting.name == "SECRET" else ""
            continue
        try:
            values[setting.name.lower()] = setting.read(text)
        except ValueError as error:
            faults.append(f"{setting.variable}: {error}")
    if one_of and not any(values.get(name.lower()) for name in one_of):
        faults.append(f"{' or '.join(PREFIX + name for name in one_of)} is missing: at least one of them must be given")
    known = {setting.variable for setting in SETTINGS} | {s.variable + "_FILE" for s in SETTINGS if s.secret}
    faults += [
        f"{name} is not a setting" for name in sorted(environment) if name.startswith(PREFIX) and name not in known
    ]
    if faults:
        raise BadSettings(faults)
    return Settings(**values)


def _given(setting: Setting, environment: Mapping[str, str], faults: list[str]) -> str | None:
    if setting.variable in environment:
        return environment[setting.variable]
    path = environment.get(setting.variable + "_FILE") if setting.secret else None
    if path is None:
        return setting.default
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        faults.append(f"{setting.variable}_FILE: {error.strerror}: {path}")
        return None


def environment() -> Mapping[str, str]:
    """This process's environment."""
    return os.environ
