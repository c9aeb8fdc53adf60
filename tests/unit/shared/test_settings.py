"""Settings are read together, and everything that is wrong with them is said at once."""

import base64
from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path

import pytest

from shared.domain.egress import USUAL_PORTS
from shared.domain.retry_schedule import CALLBACK_RETRIES
from shared.runtime.setting_list import SETTINGS
from shared.runtime.settings import BadSettings, Settings, read_settings

FIRST, SECOND = bytes(range(32)), bytes(range(32, 64))
SECRET = base64.b64encode(FIRST).decode()
NOTHING = frozenset[str]()


def faults(environment: Mapping[str, str], needed: frozenset[str] = NOTHING) -> list[str]:
    with pytest.raises(BadSettings) as refused:
        read_settings(environment, needed)
    return refused.value.faults


def faults_of_none_of(names: tuple[str, ...]) -> list[str]:
    with pytest.raises(BadSettings) as refused:
        read_settings({}, NOTHING, names)
    return refused.value.faults


def test_every_setting_is_a_field_and_every_field_a_setting() -> None:
    assert [setting.name.lower() for setting in SETTINGS] == [field.name for field in fields(Settings)]


def test_what_is_not_given_has_its_default() -> None:
    settings = read_settings({}, NOTHING)

    assert (settings.api_port, settings.host, settings.sweep_seconds) == (8080, "127.0.0.1", 2.0)
    assert sum(settings.retry_seconds) == 4 * 3600
    assert settings.callback_retry_seconds == CALLBACK_RETRIES.pauses_seconds
    assert (settings.egress_allow, settings.egress_ports) == ((), USUAL_PORTS)
    assert settings.callback_window_seconds == 30
    assert (settings.pause_after, settings.pause_bounce_percent) == (1_000, Decimal(5))
    assert settings.pause_complaint_percent == Decimal("0.3")
    assert (settings.database_url, settings.secret) == ("", ())
    assert settings.dns_check, "nobody sends in a name that is not his, unless he is told to be trusted"


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("POSTROOM_API_PORT", "0", "api_port", 0),
        ("POSTROOM_SECRET", SECRET, "secret", (FIRST,)),
        (
            "POSTROOM_SECRET",
            f"{base64.b64encode(SECOND).decode()}, {SECRET}",
            "secret",
            (SECOND, FIRST),
        ),
        ("POSTROOM_RETRY_SECONDS", "1, 2.5,3", "retry_seconds", (1.0, 2.5, 3.0)),
        ("POSTROOM_RETRY_SECONDS", "", "retry_seconds", ()),
        ("POSTROOM_TRUSTED_PROXIES", "", "trusted_proxies", ()),
        (
            "POSTROOM_TRUSTED_PROXIES",
            "10.0.0.0/8, fd00::/8,192.0.2.7",
            "trusted_proxies",
            (ip_network("10.0.0.0/8"), ip_network("fd00::/8"), ip_network("192.0.2.7/32")),
        ),
        ("POSTROOM_JOURNAL_DIR", "/somewhere", "journal_dir", Path("/somewhere")),
        ("POSTROOM_EMAIL_DELIVERED", "dsn", "email_delivered", "dsn"),
        ("POSTROOM_DISPATCHER_ROLES", "jobs, send", "dispatcher_roles", frozenset({"send", "jobs"})),
        ("POSTROOM_PAUSE_AFTER", "20", "pause_after", 20),
        ("POSTROOM_PAUSE_AFTER", "0", "pause_after", 0),
        ("POSTROOM_PAUSE_AFTER", "", "pause_after", 0),
        ("POSTROOM_PAUSE_BOUNCE_PERCENT", "2.5", "pause_bounce_percent", Decimal("2.5")),
        ("POSTROOM_PAUSE_COMPLAINT_PERCENT", "", "pause_complaint_percent", Decimal(0)),
        ("POSTROOM_DNS_CHECK", "off", "dns_check", False),
        ("POSTROOM_DNS_CHECK", "1", "dns_check", True),
        ("POSTROOM_DNS_SERVER", "", "dns_server", None),
        ("POSTROOM_DNS_SERVER", "192.0.2.1", "dns_server", ("192.0.2.1", 53)),
        ("POSTROOM_DNS_SERVER", "[2001:db8::1]:5353", "dns_server", ("2001:db8::1", 5353)),
        ("POSTROOM_STOP_CONFIRMATION", "Tschüss.", "stop_confirmation", "Tschüss."),
        ("POSTROOM_EGRESS_ALLOW", "10.0.0.0/8", "egress_allow", (ip_network("10.0.0.0/8"),)),
        ("POSTROOM_EGRESS_PORTS", "443, 9000", "egress_ports", frozenset({443, 9000})),
        ("POSTROOM_CALLBACK_WINDOW_SECONDS", "240", "callback_window_seconds", 240),
        ("POSTROOM_CALLBACK_RETRY_SECONDS", "1,2", "callback_retry_seconds", (1.0, 2.0)),
        ("HOME", "/somewhere", "host", "127.0.0.1"),
    ],
)
def test_what_is_given_is_read(variable: str, text: str, field: str, value: object) -> None:
    assert getattr(read_settings({variable: text}, NOTHING), field) == value


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("POSTROOM_API_PORT", "65536"),
        ("POSTROOM_API_PORT", "http"),
        ("POSTROOM_SMTP_CONNECTIONS", "0"),
        ("POSTROOM_SWEEP_SECONDS", "0"),
        ("POSTROOM_SWEEP_SECONDS", "nan"),
        ("POSTROOM_RETRY_SECONDS", "5,-1"),
        ("POSTROOM_EMAIL_DELIVERED", "maybe"),
        ("POSTROOM_DISPATCHER_ROLES", "send,plan"),
        ("POSTROOM_DISPATCHER_ROLES", ""),
        ("POSTROOM_TRUSTED_PROXIES", "10.0.0.0/33"),
        ("POSTROOM_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("POSTROOM_TRUSTED_PROXIES", "proxy.example"),
        ("POSTROOM_DNS_CHECK", "perhaps"),
        ("POSTROOM_DNS_SERVER", "ns.example"),
        ("POSTROOM_DNS_SERVER", "192.0.2.1:dns"),
        ("POSTROOM_STOP_CONFIRMATION", "two\nlines"),
        ("POSTROOM_STOP_CONFIRMATION", " "),
        ("POSTROOM_STOP_CONFIRMATION", "x" * 481),
        ("POSTROOM_SECRET", base64.b64encode(b"short").decode()),
        ("POSTROOM_SECRET", f"{SECRET},"),
        ("POSTROOM_PAUSE_AFTER", "-1"),
        ("POSTROOM_PAUSE_BOUNCE_PERCENT", "many"),
        ("POSTROOM_PAUSE_BOUNCE_PERCENT", "nan"),
        ("POSTROOM_PAUSE_COMPLAINT_PERCENT", "100.1"),
        ("POSTROOM_PAUSE_COMPLAINT_PERCENT", "-0.1"),
        ("POSTROOM_EGRESS_ALLOW", "localhost"),
        ("POSTROOM_EGRESS_PORTS", "443,0"),
        ("POSTROOM_CALLBACK_WINDOW_SECONDS", "241"),
        ("POSTROOM_CALLBACK_WINDOW_SECONDS", "0"),
        ("POSTROOM_APIPORT", "8080"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(variable: str, text: str) -> None:
    [fault] = faults({variable: text})

    assert fault.startswith(variable)


def test_all_faults_are_named_together() -> None:
    found = faults({"POSTROOM_API_PORT": "x", "POSTROOM_TYPO": "1"}, frozenset({"DATABASE_URL", "BUS_URL"}))

    assert [fault.split(":")[0].split(" ")[0] for fault in found] == [
        "POSTROOM_DATABASE_URL",
        "POSTROOM_BUS_URL",
        "POSTROOM_API_PORT",
        "POSTROOM_TYPO",
    ]


@pytest.mark.parametrize("environment", [{}, {"POSTROOM_DATABASE_URL": ""}], ids=["absent", "empty"])
def test_what_is_needed_must_be_given(environment: Mapping[str, str]) -> None:
    [fault] = faults(environment, frozenset({"DATABASE_URL"}))

    assert fault.startswith("POSTROOM_DATABASE_URL is missing")


@pytest.mark.parametrize("given", ["SMTP_URL", "SMS_URL"])
def test_of_several_one_is_enough(given: str) -> None:
    [fault] = faults_of_none_of(("SMTP_URL", "SMS_URL"))

    assert fault.startswith("POSTROOM_SMTP_URL or POSTROOM_SMS_URL is missing")
    assert isinstance(read_settings({f"POSTROOM_{given}": "x://y"}, NOTHING, ("SMTP_URL", "SMS_URL")), Settings)


def test_a_dispatcher_that_does_not_send_needs_none_of_the_ways_to_send() -> None:
    given = {"POSTROOM_DISPATCHER_ROLES": "jobs"}

    assert read_settings(given, NOTHING, ("SMTP_URL", "SMS_URL")).dispatcher_roles == {"jobs"}


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET + "\n")

    settings = read_settings({"POSTROOM_SECRET_FILE": str(tmp_path / "secret")}, frozenset({"SECRET"}))

    assert settings.secret == (FIRST,)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    [fault] = faults({"POSTROOM_SECRET_FILE": str(tmp_path / "none")})

    assert fault.startswith("POSTROOM_SECRET_FILE: No such file")


def test_only_a_secret_is_read_from_a_file() -> None:
    assert faults({"POSTROOM_API_PORT_FILE": "/etc/hostname"}) == ["POSTROOM_API_PORT_FILE is not a setting"]


def test_no_fault_repeats_a_secret() -> None:
    [fault] = faults({"POSTROOM_SECRET": "hunter2 is no base64"})

    assert "hunter2" not in fault
