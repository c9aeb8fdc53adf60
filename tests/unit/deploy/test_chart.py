"""What the chart makes of its values: valid, bound together, and as careful as it says."""

import shutil
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from services.api import app as api
from services.dispatcher import app as dispatcher
from services.dispatcher.channels.smtp.connection import Timers
from services.tracker import app as tracker
from services.tracker.callbacks import switchboard
from services.tracker.site import SHUTDOWN_SECONDS
from tests.servers.helm import (
    ASKED_FOR,
    CHART,
    Document,
    example,
    helm,
    of_kind,
    pods,
    render,
    rendered,
    scaling_queries,
)

ROLES = {"api", "tracker", "senders", "jobs"}
VALUES = ["default", "minimal", "everything"]
CUSTOM = {"ScaledObject", "TriggerAuthentication", "ServiceMonitor", "PrometheusRule"}

every_values = pytest.mark.parametrize("values", VALUES)


def labels(document: Document) -> dict[str, str]:
    found: dict[str, str] = document["metadata"]["labels"]
    return found


def role_of(document: Document) -> str:
    return labels(document)["app.kubernetes.io/component"]


def container(pod: Document) -> Document:
    [only] = pod["spec"]["containers"]
    assert isinstance(only, dict)
    return only


@every_values
def test_helm_finds_nothing_to_complain_of(values: str) -> None:
    assert "1 chart(s) linted, 0 chart(s) failed" in helm("lint", "--strict", CHART, *example(values))


@every_values
@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_what_is_rendered_is_what_kubernetes_takes(values: str, version: str) -> None:
    """The oldest version that the chart is for and the newest known; the kinds of operators are checked below."""
    for document in rendered(values):
        if document["kind"] not in CUSTOM:
            kubernetes_validate.validate(document, version, strict=True)


def test_what_kubernetes_does_not_take_is_seen() -> None:
    documents = render("--skip-schema-validation", *ASKED_FOR, "--set", "senders.replicas=two")
    [broken] = [it for it in of_kind(documents, "StatefulSet") if role_of(it) == "senders"]

    with pytest.raises(kubernetes_validate.ValidationError, match="two"):
        kubernetes_validate.validate(broken, "1.37", strict=True)


@every_values
def test_no_two_have_the_same_name(values: str) -> None:
    named = [(document["kind"], document["metadata"]["name"]) for document in rendered(values)]

    assert sorted(named) == sorted(set(named))


@every_values
def test_every_role_runs_and_is_scaled_by_itself(values: str) -> None:
    """Who keeps a journal as a StatefulSet with a volume; where something else counts replicas, none are fixed."""
    kinds = {role_of(it): it for it in of_kind(rendered(values), "Deployment", "StatefulSet")}
    scaled = {role_of(it) for it in of_kind(rendered(values), "HorizontalPodAutoscaler", "ScaledObject")}

    assert {role: it["kind"] for role, it in kinds.items()} == dict.fromkeys(ROLES, "Deployment") | {
        "senders": "StatefulSet",
        "tracker": "StatefulSet",
    }
    assert {role for role, it in kinds.items() if "replicas" not in it["spec"]} == scaled
    assert scaled == (ROLES if values == "everything" else set())
    for role in ("senders", "tracker"):
        [claim] = kinds[role]["spec"]["volumeClaimTemplates"]
        mounts = {
            mount["name"]: mount["mountPath"] for mount in container(pods(rendered(values))[role])["volumeMounts"]
        }
        assert mounts[claim["metadata"]["name"]] == "/var/lib/postroom/journal"


@every_values
def test_what_points_at_another_points_at_one_that_is_there(values: str) -> None:
    documents = rendered(values)
    workloads = {(it["kind"], it["metadata"]["name"]) for it in of_kind(documents, "Deployment", "StatefulSet")}
    scalers = of_kind(documents, "HorizontalPodAutoscaler", "ScaledObject")
    targets = [it["spec"]["scaleTargetRef"] for it in scalers]
    assert {(target["kind"], target["name"]) for target in targets} <= workloads

    for service in of_kind(documents, "Service"):
        pod = pods(documents)[role_of(service)]
        assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= {
            port["name"] for port in container(pod)["ports"]
        }
    for budget in of_kind(documents, "PodDisruptionBudget"):
        pod = pods(documents)[role_of(budget)]
        assert budget["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    budgets = {role_of(budget) for budget in of_kind(documents, "PodDisruptionBudget")}
    assert budgets == (set() if values == "minimal" else ROLES)


@every_values
def test_pods_may_do_as_little_as_can_be(values: str) -> None:
    """No root, no writing but to volumes, no capability, no token; nothing in the environment that is not said here."""
    [account] = of_kind(rendered(values), "ServiceAccount")
    assert account["automountServiceAccountToken"] is False
    for pod in pods(rendered(values)).values():
        spec, own = pod["spec"], container(pod)["securityContext"]
        assert (spec["automountServiceAccountToken"], spec["enableServiceLinks"]) == (False, False)
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] == 10001
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert own["readOnlyRootFilesystem"] is True
        assert own["allowPrivilegeEscalation"] is False
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in container(pod)["resources"]["limits"]


@every_values
def test_only_readiness_may_hang_on_others(values: str) -> None:
    """`/healthz` asks nobody: no outage of Postgres or RabbitMQ restarts a pod."""
    for role, pod in pods(rendered(values)).items():
        if role != "migrate":
            probes = {
                name: container(pod)[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")
            }
            assert [probe["path"] for probe in probes.values()] == ["/healthz", "/healthz", "/readyz"]
            assert {probe["port"] for probe in probes.values()} == {container(pod)["ports"][0]["name"]}


#: What each role waits for at most once it is told to stop.
STOPS_WITHIN = {
    "api": api.STOP_SECONDS,
    "tracker": SHUTDOWN_SECONDS + tracker.STOP_SECONDS + switchboard.STOP_SECONDS,
    "senders": dispatcher.STOP_SECONDS,
    "jobs": 5.0,
}


@every_values
@pytest.mark.parametrize("role", sorted(ROLES))
def test_nothing_under_way_is_cut_off(values: str, role: str) -> None:
    """A pod is killed later than its process has given up waiting, counted from the preStop on."""
    pod = pods(rendered(values))[role]
    before = container(pod)["lifecycle"]["preStop"]["sleep"]["seconds"]

    assert pod["spec"]["terminationGracePeriodSeconds"] >= before + STOPS_WITHIN[role] + 5


def test_a_dispatcher_waits_longer_than_for_the_slowest_reply_to_a_dot() -> None:
    """And what the chart accepts at the least, and compose gives, is longer still."""
    least = yaml.safe_load((CHART / "values.schema.json").read_text())["properties"]["senders"]["properties"]
    compose = yaml.safe_load((CHART.parent / "compose.yaml").read_text())["services"]["dispatcher"]

    assert Timers().dot + Timers().tick < dispatcher.STOP_SECONDS
    assert max(Timers().by_stage().values()) == Timers().dot
    assert least["terminationGracePeriodSeconds"]["minimum"] >= dispatcher.STOP_SECONDS + 5
    assert int(compose["stop_grace_period"].removesuffix("s")) > dispatcher.STOP_SECONDS


@every_values
def test_pods_of_a_role_are_spread(values: str) -> None:
    for role, pod in pods(rendered(values)).items():
        if role != "migrate":
            spread = pod["spec"]["topologySpreadConstraints"]
            assert {it["topologyKey"] for it in spread} == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
            for constraint in spread:
                assert constraint["labelSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()


@every_values
def test_the_database_is_migrated_before_a_release_begins(values: str) -> None:
    """By a pod that needs nothing that comes later: it has no service account of the release."""
    [job] = of_kind(rendered(values), "Job")

    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert container(job["spec"]["template"])["args"] == ["migrate"]
    assert "serviceAccountName" not in job["spec"]["template"]["spec"]


@pytest.mark.parametrize("values", ["default", "everything"])
def test_every_pod_is_reached_where_it_listens_and_nowhere_else(values: str) -> None:
    policies = {role_of(it): it["spec"] for it in of_kind(rendered(values), "NetworkPolicy")}

    assert policies.keys() == pods(rendered(values)).keys()
    for role, pod in pods(rendered(values)).items():
        policy = policies[role]
        assert policy["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        assert [port["port"] for rule in policy["ingress"] for port in rule["ports"]] == [
            port["containerPort"] for port in container(pod).get("ports", [])
        ]
        blocks = {to["ipBlock"]["cidr"]: to["ipBlock"]["except"] for to in policy["egress"][1]["to"]}
        assert blocks["0.0.0.0/0"] == ["169.254.0.0/16"]
        assert {"fd00:ec2::254/128", "fd20:ce::254/128"} <= set(blocks["::/0"])
        assert {25, 443, 5432, 5672} <= {port["port"] for port in policy["egress"][1]["ports"]}


def test_all_pods_are_scraped_by_one_monitor() -> None:
    """Each has a Service with one of the ports that it names."""
    [monitor] = of_kind(rendered("everything"), "ServiceMonitor")
    ports = {endpoint["port"] for endpoint in monitor["spec"]["endpoints"]}
    services = of_kind(rendered("everything"), "Service")

    assert {endpoint["path"] for endpoint in monitor["spec"]["endpoints"]} == {"/metrics"}
    assert labels(monitor)["release"] == "prometheus"
    assert {role_of(service) for service in services} == ROLES
    for service in services:
        assert monitor["spec"]["selector"]["matchLabels"].items() <= labels(service).items()
        assert len(ports & {port["name"] for port in service["spec"]["ports"]}) == 1


@pytest.mark.parametrize("alerts", [True, False], ids=["with alerts", "without"])
def test_the_rules_of_prometheus_are_those_of_the_alerts_word_for_word(tmp_path: Path, alerts: bool) -> None:
    """Their own placeholders are left to Prometheus; where there are none, there is no rule."""
    chart = tmp_path / "chart"
    shutil.copytree(CHART, chart, ignore=shutil.ignore_patterns("alerts"))
    rule = {"alert": "Late", "expr": "up == 0", "annotations": {"summary": "{{ $labels.job }} is {{ $value }} late"}}
    groups = [{"name": name, "rules": [rule]} for name in ("one", "two")]
    if alerts:
        (chart / "alerts").mkdir()
        for group in groups:
            (chart / "alerts" / f"{group['name']}.yaml").write_text(yaml.safe_dump({"groups": [group]}))

    rules = of_kind(render(*ASKED_FOR, "--set", "prometheusRule.enabled=true", chart=chart), "PrometheusRule")

    assert [it["spec"]["groups"] for it in rules] == ([groups] if alerts else [])


def test_the_chart_takes_the_alerts_that_stand_beside_it() -> None:
    stored = [yaml.safe_load(path.read_text()) for path in sorted((CHART.parent / "alerts").glob("*.yaml"))]
    rules = of_kind(rendered("everything"), "PrometheusRule")

    assert (CHART / "alerts").resolve() == (CHART.parent / "alerts").resolve()
    assert [group for it in rules for group in it["spec"]["groups"]] == [
        group for file in stored for group in file["groups"]
    ]


def test_keda_asks_postgres_with_a_login_of_its_own() -> None:
    """Never more often than hints come: what waits is counted in Postgres, and nobody is stopped in a hurry."""
    [login] = of_kind(rendered("everything"), "TriggerAuthentication")
    [reference] = login["spec"]["secretTargetRef"]
    assert (reference["parameter"], reference["name"]) == ("connection", "postroom-scaler")

    assert scaling_queries().keys() == {"senders", "jobs"}
    for scaled in of_kind(rendered("everything"), "ScaledObject"):
        [trigger] = scaled["spec"]["triggers"]
        behavior = scaled["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        assert (trigger["type"], trigger["metricType"]) == ("postgresql", "AverageValue")
        assert trigger["authenticationRef"]["name"] == login["metadata"]["name"]
        assert int(trigger["metadata"]["targetQueryValue"]) > 0
        assert 0 < scaled["spec"]["minReplicaCount"] <= scaled["spec"]["maxReplicaCount"]
        assert "fallback" not in scaled["spec"], "while Postgres is away nobody is stopped"
        assert behavior["scaleDown"]["stabilizationWindowSeconds"] == 600
