"""All settings: read once from the environment, checked together, frozen. The only reader of the environment.

Every name is ``POSTROOM_`` and the field in capitals. A secret setting also reads ``NAME_FILE``, the path of a file
that holds the value. ``SETTINGS`` is what `postroom settings` lists.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Final, Literal

from shared.runtime import crash_points
from shared.runtime.setting_list import PREFIX, SETTINGS, Setting

#: When mail counts as delivered: with the relay's 250, or only with a success DSN.
EmailDelivered = Literal["accepted", "dsn"]


class BadSettings(Exception):
    """Settings are missing or cannot be read; the message names every one."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


#: What the commands that ask a running API read; no service does, and none minds.
CLIENT: Final = frozenset({"POSTROOM_URL", "POSTROOM_KEY"})

#: What makes a process die at a certain place (``crash_points``), and nothing else: none is a setting.
FAULT_TESTS: Final = crash_points.VARIABLES


@dataclass(frozen=True, slots=True)
class Settings:
    """The values by field, as SETTINGS reads them."""

    database_url: str
    database_direct_url: str
    database_pooled: bool
    bus_url: str
    smtp_url: str
    sms_url: str
    secret: tuple[bytes, ...]
    host: str
    api_port: int
    tracker_port: int
    tracker_url: str
    api_url: str
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    bounce_port: int
    dispatcher_roles: frozenset[str]
    metrics_port: int
    journal_dir: Path
    hit_journal_megabytes: int
    object_store_url: str
    export_seconds: float
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
    """``needed``: names without default that this service cannot do without; ``one_of``: at least one of these, too,
    unless it is a dispatcher that does not send. Raises BadSettings naming every fault.

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
    if one_of and "send" in values.get("dispatcher_roles", "") and not any(values.get(name.lower()) for name in one_of):
        faults.append(f"{' or '.join(PREFIX + name for name in one_of)} is missing: at least one of them must be given")
    known = (
        CLIENT
        | FAULT_TESTS
        | {setting.variable for setting in SETTINGS}
        | {s.variable + "_FILE" for s in SETTINGS if s.secret}
    )
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
