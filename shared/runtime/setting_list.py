"""Every setting there is: its name, default and meaning, and how its text is read. What `postroom settings` lists."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

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
    read_roles,
    read_secrets,
    read_switch,
    read_text,
    read_text_message,
)

PREFIX: Final = "POSTROOM_"


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

_FILES = "file:///var/lib/postroom/objects"
_SEND_PAUSES = "300,600,1200,2400,4800,5100"  # 5 minutes doubling to 4 hours in all
_CALLBACK_PAUSES = "5,300,1800,7200,18000,36000,50400,72000,86400"  # Standard Webhooks': 75 hours in all

SETTINGS: Final[tuple[Setting, ...]] = (
    Setting("DATABASE_URL", None, "Postgres, as postgresql://user:password@host:port/name", read_text, secret=True),
    Setting(
        "DATABASE_DIRECT_URL", "", "Postgres past a pooler, for migrations; empty: DATABASE_URL", read_text, secret=True
    ),
    Setting(
        "DATABASE_POOLED",
        "off",
        "on: DATABASE_URL leads to a pooler in transaction mode, as PgBouncer; the login's own settings name its role",
        read_switch,
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
    Setting("API_URL", "", "Public base of the URLs of exported files; empty: http://HOST:API_PORT", read_text),
    Setting(
        "TRUSTED_PROXIES",
        "",
        "Networks (as 10.0.0.0/8, comma-separated) of proxies before the tracker whose X-Forwarded-For is believed",
        read_networks,
    ),
    Setting("BOUNCE_PORT", "8025", "Port for bounces and complaints, by SMTP and LMTP; 0: any free one", read_port),
    Setting(
        "DISPATCHER_ROLES",
        "send,jobs",
        "What a dispatcher does: send (plans and sends), jobs, or both; one that does not send needs no relay",
        read_roles,
    ),
    Setting("METRICS_PORT", "9090", "Port of the dispatcher's health and metrics; 0: any free one", read_port),
    Setting(
        "JOURNAL_DIR",
        "/var/lib/postroom/journal",
        "Folder of the journals of dispatcher and tracker; must outlive the process",
        Path,
    ),
    Setting(
        "HIT_JOURNAL_MEGABYTES",
        "256",
        "So much a tracker keeps of what readers do while Postgres is away; beyond it they are answered 503",
        read_count,
    ),
    Setting(
        "OBJECT_STORE_URL", _FILES, "Files: file:///folder or s3+https://KEY:SECRET@host/bucket", read_text, secret=True
    ),
    Setting("EXPORT_SECONDS", "7200", "So long an exported file is there", read_period),
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
