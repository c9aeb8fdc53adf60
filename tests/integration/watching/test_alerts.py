"""The rules and dashboards of deploy/: all they name is there, and each alert fires when what it tells of is so."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import pytest
import yaml
from prometheus_client.samples import Sample

from services.api.figures import show_figures
from shared.postgres.database import Database
from tests.integration.watching.faults import CONNECTIONS, FAULTS, Fault, LameBus, Scene, prepare, used_up
from tests.integration.watching.whole import whole_on
from tests.servers import databases
from tests.servers.prometheus import promtool
from tests.sinks.fake_relay import FakeRelay
from tests.sinks.receiver import Moody, Receiver, status

DEPLOY: Final = Path(__file__).resolve().parents[3] / "deploy"
RULES: Final = DEPLOY / "alerts/postroom.yaml"
ALERTS: Final = [
    rule for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]
]
WEIGHED: Final = {metric for rule in ALERTS for metric in re.findall(r"\bpostroom_\w+", rule["expr"])}
MINUTES: Final = 40  #: more than any alert waits

Labels = tuple[tuple[str, str], ...]


def expressions() -> Iterator[str]:
    """Of every rule and every panel."""
    yield from (rule["expr"] for rule in ALERTS)
    for path in sorted((DEPLOY / "dashboards").glob("*.json")):
        panels = json.loads(path.read_text(encoding="utf-8"))["panels"]
        yield from (target["expr"] for panel in panels for target in panel["targets"])


def named(expression: str) -> tuple[set[str], set[str]]:
    """The metrics and the labels that it names."""
    labels = {label for chosen in re.findall(r"\{([^}]*)\}", expression) for label in re.findall(r"(\w+)[=!]", chosen)}
    labels |= {label.strip() for by in re.findall(r"by \(([^)]*)\)", expression) for label in by.split(",")}
    return set(re.findall(r"\b(?:postroom|process)_\w+", expression)), labels


def series_of(healthy: Iterable[Sample], faulty: Iterable[Sample]) -> list[dict[str, str]]:
    """As promtool takes them: what stood so goes on so, and what was counted between the two goes on being counted."""
    before = {(sample.name, _labels(sample)): sample.value for sample in healthy}
    after = {(sample.name, _labels(sample)): sample.value for sample in faulty}
    return [
        _series(key, value, value - before.get(key, 0.0) if key[0].endswith("_total") else 0.0)
        for key, value in after.items()
        if key[0] in WEIGHED
    ]


def _labels(sample: Sample) -> Labels:
    return tuple(sorted(sample.labels.items()))


def _series(key: tuple[str, Labels], value: float, step: float) -> dict[str, str]:
    name, labels = key
    written = ",".join(f"{label}={json.dumps(text)}" for label, text in labels)
    return {"series": f"{name}{{{written}}}", "values": f"{value:.6f}+{step:.6f}x{MINUTES}"}


def _expected(alerts: Mapping[str, bool]) -> list[Any]:
    return [
        {
            "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}}) > bool 0 or vector(0)',
            "eval_time": f"{MINUTES}m",
            "exp_samples": [{"labels": "{}", "value": int(fires)}],
        }
        for name, fires in alerts.items()
    ]


@dataclass(frozen=True)
class Scrapes:
    """What real services said: ``before`` and ``healthy`` one after the other without a fault, then after each of the
    faults, ``blind`` while the database gave no connection, and ``headless`` when the tracker was gone.
    """

    before: list[Sample]
    healthy: list[Sample]
    faulty: list[list[Sample]]
    blind: list[Sample]
    headless: list[Sample]

    def all(self) -> Iterator[Sample]:
        for samples in (self.before, self.healthy, *self.faulty, self.blind, self.headless):
            yield from samples


@pytest.fixture(scope="module")
async def scrapes(postgres_url: str, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Scrapes:
    name = "postroom_test_alerts"
    url = await databases.create(postgres_url, name, template=template_database)
    database, owner = await Database.connect(url), await Database.connect(url, role=None, connections=1)
    try:
        return await _go_through_all(database, owner, tmp_path_factory.mktemp("journal"))
    finally:
        await owner.close()
        await database.close()
        await databases.drop(postgres_url, name)


async def _go_through_all(database: Database, owner: Database, journal: Path) -> Scrapes:
    bus = LameBus()
    given = {
        "dispatcher_roles": "send",
        "smtp_connections": str(CONNECTIONS),
        "pause_after": "1",
        "callback_retry_seconds": "0.1",
    }
    async with (
        _figures_always_fresh(),
        FakeRelay() as relay,
        Receiver(Moody(status(500))) as endpoint,
        whole_on(database, bus, journal, relay.port, **given) as whole,
    ):
        before = await whole.scrape()
        async with AsyncExitStack() as stack:
            scene = await prepare(stack, whole, owner, bus, relay, endpoint)
            healthy = await whole.scrape()
            faulty = [await _scrape_after(fault, scene) for fault in FAULTS]
        async with used_up(database), asyncio.timeout(20):
            blind = healthy
            while any(sample.value for sample in blind if sample.name == "postroom_figures_read"):
                blind = await whole.scrape()
        await whole.tracker.stop()
        return Scrapes(before, healthy, faulty, blind, await whole.scrape())


@asynccontextmanager
async def _figures_always_fresh() -> AsyncIterator[None]:
    """Each scrape reads them anew: nothing is waited for that only spares a database."""
    with patch.object(show_figures, "KEEP_SECONDS", 0.0):
        yield


async def _scrape_after(fault: Fault, scene: Scene) -> list[Sample]:
    """Once the services tell of it."""
    was = _sum(await scene.whole.scrape(), fault.told)
    await fault.cause(scene)
    try:
        async with asyncio.timeout(60):
            while _sum(samples := await scene.whole.scrape(), fault.told) <= was + fault.least:
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"nothing told of {fault}") from None
    return samples


def _sum(samples: Iterable[Sample], name: str) -> float:
    return sum(sample.value for sample in samples if sample.name == name)


def _cases(scrapes: Scrapes) -> Iterator[tuple[list[dict[str, str]], dict[str, bool]]]:
    """After each fault its own alerts fire, and none of what comes only later; those of before may. Somebody may wait
    for a connection in the moment of a scrape.
    """
    names = {rule["alert"] for rule in ALERTS} - {"PostroomConnectionsUsedUp"}
    yield series_of(scrapes.before, scrapes.healthy), dict.fromkeys(names, False)
    last, known = scrapes.healthy, frozenset[str]()
    for fault, samples in zip(FAULTS, scrapes.faulty, strict=True):
        known |= fault.fires
        yield series_of(last, samples), {name: name in fault.fires for name in names - known | fault.fires}
        last = samples
    yield series_of(last, scrapes.blind), {"PostroomFiguresMissing": True, "PostroomConnectionsUsedUp": True}
    yield series_of(scrapes.headless, scrapes.headless), {"PostroomTrackerGone": True}


@pytest.mark.timeout(300)
def test_each_alert_fires_at_its_fault_and_not_before(scrapes: Scrapes, tmp_path: Path) -> None:
    """The series are scraped; promtool lets time pass over them."""
    tests = [
        {"interval": "1m", "input_series": series, "promql_expr_test": _expected(alerts)}
        for series, alerts in _cases(scrapes)
    ]
    file = tmp_path / "test.yaml"
    file.write_text(json.dumps({"rule_files": [str(RULES)], "tests": tests}), encoding="utf-8")

    promtool("check", "rules", RULES)
    promtool("test", "rules", file)


def test_every_alert_has_a_fault() -> None:
    fired = {alert for fault in FAULTS for alert in fault.fires}

    assert fired | {"PostroomFiguresMissing", "PostroomConnectionsUsedUp", "PostroomTrackerGone"} == {
        rule["alert"] for rule in ALERTS
    }


def test_all_that_rules_and_dashboards_name_is_told(scrapes: Scrapes) -> None:
    """Every metric, and every label on one of the metrics of its expression."""
    labels: dict[str, set[str]] = {}
    for sample in scrapes.all():
        labels.setdefault(sample.name, set()).update(sample.labels)
    missing = []
    for expression in expressions():
        metrics, wanted = named(expression)
        assert metrics, expression
        missing += [(expression, metric) for metric in metrics if metric not in labels]
        known = set().union(*(labels.get(metric, set()) for metric in metrics))
        missing += [(expression, label) for label in wanted - known]

    assert missing == []
