"""All settings: read once from the environment, checked together, frozen. The only reader of the environment.

Every name is ``POSTROOM_`` and the field in capitals. A secret setting also reads ``NAME_FILE``, the path of a file
that holds the value. ``SETTINGS`` is what `postroom settings` lists.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Final, Literal

from shared.runtime.setting_values import (
    read_callback_window,
    read_count,
    read_count_or_off,
    read_delivered,
    read_log_level,
    read_name_server,
    read_networks,
    read_pauses,
    read_percent_or_off,
    read_period,
    read_port,
    read_ports,
    read_secrets,
    read_switch,
    read_text,
    read_text_message,
)

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


_STOP_CONFIRMATION = "You have been unsubscribed and will get no more messages from this number. Reply START to undo."

_SEND_PAUSES = "300,600,1200,2400,4800,5100"  # 5 minutes doubling to 4 hours in all
_CALLBACK_PAUSES = "5,300,1800,7200,18000,36000,50400,72000,86400"  # Standard Webhooks': 75 hours in all

SETTINGS: Final[tuple[Setting, ...]] = (
    Setting("DATABASE_URL", None, "Postgres, as postgresql://user:password@host:port/name", read_text, secret=True),
    Setting(
        "DATABASE_DIRECT_URL", "", "Postgres past a pooler, for migrations; empty: DATABASE_URL", read_text, secret=True
    ),
    Setting(
        "BUS_URL",
        None,
        "RabbitMQ, as amqp://user:password@host:port/vhost; inprocess: within one process",
        read_text,
        secret=True,
    ),
    Setting(
        "SMTP_URL",
        None,
        "The relay, as smtp://user:password@host:port?starttls=none|opportunistic|require or smtps://",
        read_text,
        secret=True,
    ),
    Setting(
        "SMS_URL",
        None,
        "The SMS gateway, as http://user:password@host:port/path or https://",
        read_text,
        secret=True,
    ),
    Setting(
        "SECRET",
        None,
        "Signs tokens and encrypts stored secrets: base64, at least 32 bytes; comma-separated for rotation",
        read_secrets,
        secret=True,
    ),
    Setting("HOST", "127.0.0.1", "The address the services listen on", read_text),
    Setting("API_PORT", "8080", "Port of the HTTP API; 0: any free one", read_port),
    Setting("TRACKER_PORT", "8081", "Port of pixel, links and unsubscribe; 0: any free one", read_port),
    Setting("TRACKER_URL", "", "Public base of the links in messages; empty: http://HOST:TRACKER_PORT", read_text),
    Setting(
        "TRUSTED_PROXIES",
        "",
        "Networks (as 10.0.0.0/8, comma-separated) of proxies before the tracker whose X-Forwarded-For is believed",
        read_networks,
    ),
    Setting("BOUNCE_PORT", "8025", "Port for bounces and complaints, by SMTP and LMTP; 0: any free one", read_port),
    Setting("METRICS_PORT", "9090", "Port of the dispatcher's health and metrics; 0: any free one", read_port),
    Setting(
        "JOURNAL_DIR", "/var/lib/postroom/journal", "Folder of the sending journal; must outlive the process", Path
    ),
    Setting(
        "BOUNCE_DOMAIN",
        "bounce.localhost",
        "Domain of envelope senders and message ids where a campaign names none",
        read_text,
    ),
    Setting("MX_HOST", "", "Host that takes bounces, as MX records are to name it; empty: BOUNCE_DOMAIN", read_text),
    Setting(
        "DNS_CHECK",
        "on",
        "on: mail is sent only from domains whose records DNS shows; off: domains are taken on trust",
        read_switch,
    ),
    Setting(
        "DNS_SERVER",
        "",
        "The name server to ask, as address or address:port; empty: the system's",
        read_name_server,
    ),
    Setting(
        "EMAIL_DELIVERED",
        "accepted",
        "When mail counts as delivered: accepted (the relay's 250) or dsn",
        read_delivered,
    ),
    Setting(
        "SOFT_BOUNCES", "3", "So many temporary bounces of one address, by different tasks, suppress it", read_count
    ),
    Setting("SOFT_BOUNCE_DAYS", "30", "Within so many days", read_count),
    Setting(
        "STOP_CONFIRMATION", _STOP_CONFIRMATION, "The SMS that answers a STOP, once for each opt-out", read_text_message
    ),
    Setting("SMTP_CONNECTIONS", "10", "Connections one dispatcher keeps to its relay", read_count),
    Setting("SMS_CONNECTIONS", "10", "Connections one dispatcher keeps to its SMS gateway", read_count),
    Setting(
        "SMTP_LIMITS",
        "",
        "What all dispatchers together may do at the relay: connections=40 rate=100 (messages a second) "
        "messages_per_connection=100, each optional",
        read_text,
    ),
    Setting("SMS_LIMITS", "", "The same for the SMS gateway: connections=4 rate=20", read_text),
    Setting(
        "DOMAIN_LIMITS",
        "",
        "The same for recipient domains: gmail.com,googlemail.com connections=10 rate=20; example.org rate=0.5",
        read_text,
    ),
    Setting("RETRY_SECONDS", _SEND_PAUSES, "Pauses between attempts for one recipient, comma-separated", read_pauses),
    Setting(
        "PAUSE_AFTER",
        "1000",
        "Accepted messages after which a task may pause itself for its bounces or complaints; 0 or empty: never",
        read_count_or_off,
    ),
    Setting(
        "PAUSE_BOUNCE_PERCENT",
        "5",
        "A task pauses itself above so many hard bounces in 100 accepted messages; 0 or empty: never for them",
        read_percent_or_off,
    ),
    Setting(
        "PAUSE_COMPLAINT_PERCENT",
        "0.3",
        "A task pauses itself above so many complaints in 100 accepted messages; 0 or empty: never for them",
        read_percent_or_off,
    ),
    Setting(
        "EGRESS_ALLOW", "", "Networks (as 10.0.0.0/8) that URLs may lead to beside public addresses", read_networks
    ),
    Setting("EGRESS_PORTS", "80,443,8080,8443", "Ports of public addresses that such URLs may name", read_ports),
    Setting("CALLBACK_WINDOW_SECONDS", "30", "So long events are gathered for one callback", read_callback_window),
    Setting("CALLBACK_RETRY_SECONDS", _CALLBACK_PAUSES, "Pauses between its attempts, comma-separated", read_pauses),
    Setting("REPORT_FROM", "", "Address that reports of jobs come from; empty: postroom@ the BOUNCE_DOMAIN", read_text),
    Setting("SWEEP_SECONDS", "2", "How often each loop looks for work that no hint announced", read_period),
    Setting("DATABASE_CONNECTIONS", "8", "Connections of one service to Postgres", read_count),
    Setting(
        "OTLP_URL",
        "",
        "Where spans go, as http://collector:4318/v1/traces (wants the extra otel); empty: none are made",
        read_text,
    ),
    Setting("LOG_LEVEL", "info", "debug, info, warning or error", read_log_level),
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
    egress_allow: tuple[IPv4Network | IPv6Network, ...]
    egress_ports: frozenset[int]
    callback_window_seconds: int
    callback_retry_seconds: tuple[float, ...]
    report_from: str
    sweep_seconds: float
    database_connections: int
    otlp_url: str
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
