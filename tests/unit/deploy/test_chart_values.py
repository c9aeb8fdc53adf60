"""What values the chart takes: all that are documented, and no other, refused by name."""

import json
from typing import Any

import pytest
import yaml

from shared.runtime.setting_list import SETTINGS
from tests.servers.helm import ASKED_FOR, CHART, Refused, render

SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
DEFAULTS: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))

#: What the chart decides by itself.
ITS_OWN = {"HOST", "API_PORT", "TRACKER_PORT", "BOUNCE_PORT", "METRICS_PORT", "JOURNAL_DIR", "DISPATCHER_ROLES"}


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = SCHEMA["$defs"][name] if name else schema
    return found


def undocumented(schema: dict[str, Any], values: dict[str, Any], path: str = "") -> list[str]:
    """What the schema takes and values.yaml does not name."""
    found = []
    for name, below in resolved(schema).get("properties", {}).items():
        here = f"{path}.{name}".lstrip(".")
        if name not in values:
            found.append(here)
        elif isinstance(values[name], dict):
            found += undocumented(below, values[name], here)
    return found


def test_the_settings_that_may_be_given_are_those_that_there_are() -> None:
    """One that is new or has another name is to be named so in values.schema.json."""
    properties = SCHEMA["properties"]
    free = {setting.name for setting in SETTINGS if not setting.secret} - ITS_OWN
    secret = {setting.name for setting in SETTINGS if setting.secret}

    assert set(properties["settings"]["properties"]) == free
    assert set(properties["secrets"]["properties"]["references"]["properties"]) == secret
    assert {setting.name for setting in SETTINGS} >= ITS_OWN


def test_values_yaml_names_every_value_there_is() -> None:
    """But settings, references to secrets and what Kubernetes itself defines."""
    left_out = ("settings.", "secrets.references.", "global")

    missing = [path for path in undocumented(SCHEMA, DEFAULTS) if not path.startswith(left_out)]

    assert missing == []


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ("api.replicas=two", "'/api/replicas': got string, want integer"),
        ("api.replicas=0", "'/api/replicas': minimum"),
        ("tracker.surprise=1", "'/tracker': additional properties 'surprise' not allowed"),
        ("surprise=1", "additional properties 'surprise' not allowed"),
        ("settings.SMTP_CONECTIONS=5", "'/settings': additional properties 'SMTP_CONECTIONS' not allowed"),
        ("settings.SOFT_BOUNCES=5", "'/settings/SOFT_BOUNCES': got number, want string"),
        ("settings.API_PORT=80", "'/settings': additional properties 'API_PORT' not allowed"),
        ("settings.SECRET=abc", "'/settings': additional properties 'SECRET' not allowed"),
        ("settings.TRACKER_URL=click.example.com", "'/settings/TRACKER_URL'"),
        ("secrets.references.OBJECT_STORE_URL=null", "missing property 'OBJECT_STORE_URL'"),
        ("secrets.references.BUS_URL=null", "missing property 'BUS_URL'"),
        ("secrets.references.SMTP_URL=null", "missing property 'SMS_URL'"),
        ("secrets.references.SECRET=c2VjcmV0", "'/secrets/references/SECRET': got string, want object"),
        ("secrets.references.HOST.name=x", "additional properties 'HOST' not allowed"),
        ("secrets.mountedAs=inline", "'/secrets/mountedAs'"),
        (
            "senders.terminationGracePeriodSeconds=60",
            "'/senders/terminationGracePeriodSeconds': minimum: got 60, want 640",
        ),
        ("senders.journal.size=lots", "'/senders/journal/size'"),
        ("senders.journal.accessModes={ReadWriteMany}", "'/senders/journal/accessModes/0'"),
        ("senders.keda.minReplicas=0", "'/senders/keda/minReplicas'"),
        ("image.digest=sha256:abc", "'/image/digest'"),
        ("image.pullPolicy=Sometimes", "'/image/pullPolicy'"),
        ("networkPolicy.egressPorts={70000}", "'/networkPolicy/egressPorts/0'"),
        ("serviceMonitor.interval=often", "'/serviceMonitor/interval'"),
        ("api.hpa.enabled=true,api.hpa.minReplicas=11", "api.hpa.minReplicas is more than api.hpa.maxReplicas"),
        ("jobs.keda.enabled=true,jobs.keda.minReplicas=6", "jobs.keda.minReplicas is more than jobs.keda.maxReplicas"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(given: str, refused: str) -> None:
    with pytest.raises(Refused) as said:
        render(*ASKED_FOR, "--set", given)

    assert refused in str(said.value)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ([], "missing properties 'API_URL', 'TRACKER_URL'"),
        (ASKED_FOR[:2], "missing property 'TRACKER_URL'"),
        (ASKED_FOR[2:], "missing property 'API_URL'"),
    ],
    ids=["neither", "the api's", "the tracker's"],
)
def test_what_nobody_else_can_know_has_no_default_and_is_asked_for_by_name(given: list[str], missing: str) -> None:
    """Links of messages that were sent with a wrong address would lead nowhere for ever."""
    with pytest.raises(Refused) as said:
        render(*given)

    assert f"'/settings': {missing}" in str(said.value)
