"""Where callbacks of `postroom up` may lead: an option is before the environment, and that before loopback."""

from collections.abc import Mapping

import pytest

from services.standalone.up import Options, settings_of
from shared.domain.egress import NOT_PUBLIC, EgressRules
from shared.runtime.settings import BadSettings

VARIABLE = "POSTROOM_EGRESS_ALLOW"
LOOPBACK, INNER = "http://127.0.0.1:9999/hook", "http://10.1.2.3:9999/hook"


@pytest.mark.parametrize(
    ("option", "environment", "allowed", "refused"),
    [
        (None, {}, LOOPBACK, INNER),
        (None, {}, "http://[::1]:9999/hook", INNER),
        (None, {VARIABLE: "10.0.0.0/8"}, INNER, LOOPBACK),
        ("10.0.0.0/8", {VARIABLE: "127.0.0.0/8"}, INNER, LOOPBACK),
        ("", {}, "https://93.184.216.34/hook", LOOPBACK),
    ],
)
def test_where_it_may_lead(option: str | None, environment: Mapping[str, str], allowed: str, refused: str) -> None:
    settings = settings_of(Options(None, {}, None, None, option), environment)
    rules = EgressRules(settings.egress_allow, settings.egress_ports)

    assert rules.refusal_of_url(allowed) is None
    assert rules.refusal_of_url(refused) == NOT_PUBLIC


def test_what_is_no_network_is_told_before_anything_starts() -> None:
    with pytest.raises(BadSettings, match=VARIABLE):
        settings_of(Options(None, {}, None, None, "everywhere"), {})
