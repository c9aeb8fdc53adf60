"""The rules and dashboards of deploy/: all they name is there, and each alert fires when what it tells of is so."""

import asyncio
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from prometheus_client.samples import Sample
from pyroaring import BitMap

from shared.postgres.database import Database
from tests.integration.watching.faults import DeadBus, lose_a_hit, refuse_us, stand_still, turn_away, used_up
from tests.integration.watching.whole import Whole, whole_on
from tests.servers import databases
from tests.servers.prometheus import promtool
from tests.sinks.fake_relay import FakeRelay

DEPLOY: Final = Path(__file__).resolve().parents[3] / "deploy"
RULES: Final = DEPLOY / "alerts/postroom.yaml"
ALERTS: Final = [
    rule for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]
]
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
        if key[0].startswith("postroom_")
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


async def make_faulty(whole: Whole, owner: Database) -> None:
    """All that can go wrong side by side, until the services tell of it."""
    await whole.call("POST", "/list", {"name": "everybody"})
    message = {"channel": "email", "name": "n", "subject": "s", "from_email": "a@example.com", "text": "t"}
    message_id = (await whole.call("POST", "/message", message))["id"]
    await stand_still(owner, BitMap(range(4)).serialize(), BitMap([3]).serialize())
    await whole.call("POST", "/list/1/subscriber", [{"email": "p@example.com"}])
    task = {"channel": "email", "name": "n", "list_id": 1, "message_id": message_id, "scheduledtime": 0}
    assert (await whole.call("POST", "/task", task))["id"] == 1
    await owner.execute("UPDATE event SET recorded_at = recorded_at - interval '10 minutes'")
    # A rule that weighs thousands of messages counts here what it would find.
    whole.dispatcher.figures.count_paused("bounces")
    await turn_away(whole)
    async with asyncio.timeout(60):
        while not _tells(await whole.scrape()):
            await asyncio.sleep(0.2)


def _tells(samples: Iterable[Sample]) -> bool:
    told = {sample.name for sample in samples if sample.value}
    return told >= {
        *("postroom_transport_blocked", "postroom_projector_lag_seconds", "postroom_callback_age_seconds"),
        *("postroom_callbacks_parked", "postroom_in_doubt", "postroom_oldest_due_batch_seconds"),
        *("postroom_oldest_due_task_seconds", "postroom_oldest_pending_job_seconds", "postroom_relay_lag_seconds"),
    }


@pytest.fixture(scope="module")
async def scraped(
    postgres_url: str, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[Sample]]:
    """What real services say: healthy, with everything standing still, and while the database gives no connection."""
    name = "postroom_test_alerts"
    url = await databases.create(postgres_url, name, template=template_database)
    database, owner = await Database.connect(url), await Database.connect(url, role=None, connections=1)
    try:
        journal = tmp_path_factory.mktemp("journal")
        async with FakeRelay(refuse_us) as relay, whole_on(database, DeadBus(), journal, relay.port) as whole:
            healthy = await whole.scrape()
            await make_faulty(whole, owner)
            await lose_a_hit(whole, owner)
            faulty = await whole.scrape()
            async with used_up(database), asyncio.timeout(20):
                blind = healthy
                while any(sample.value for sample in blind if sample.name == "postroom_figures_read"):
                    blind = await whole.scrape()
            return {"healthy": healthy, "faulty": faulty, "blind": blind}
    finally:
        await owner.close()
        await database.close()
        await databases.drop(postgres_url, name)


@pytest.mark.timeout(240)
def test_each_alert_fires_on_what_faulty_services_say_and_none_on_what_healthy_ones_do(
    scraped: dict[str, list[Sample]], tmp_path: Path
) -> None:
    """The series are scraped; promtool lets time pass over them. What is seen while Postgres gives no connection, and
    what is not there without a tracker, each stands for itself.
    """
    healthy, faulty, blind = scraped["healthy"], scraped["faulty"], scraped["blind"]
    faulty = [sample for sample in faulty if sample.name != "postroom_database_connections"]
    faulty += [sample for sample in blind if sample.name == "postroom_database_connections"]
    headless = [sample for sample in healthy if sample.labels["job"] != "tracker"]
    names, alone = [rule["alert"] for rule in ALERTS], {"PostroomFiguresMissing", "PostroomTrackerGone"}
    cases = [
        (series_of(healthy, healthy), dict.fromkeys(names, False)),
        (series_of(healthy, faulty), {name: name not in alone for name in names}),
        (series_of(healthy, blind), {"PostroomFiguresMissing": True}),
        (series_of(headless, headless), {"PostroomTrackerGone": True}),
    ]
    tests = [
        {"interval": "1m", "input_series": series, "promql_expr_test": _expected(alerts)} for series, alerts in cases
    ]
    file = tmp_path / "test.yaml"
    file.write_text(json.dumps({"rule_files": [str(RULES)], "tests": tests}), encoding="utf-8")

    promtool("check", "rules", RULES)
    promtool("test", "rules", file)


def test_all_that_rules_and_dashboards_name_is_told(scraped: dict[str, list[Sample]]) -> None:
    """Every metric, and every label on one of the metrics of its expression."""
    labels: dict[str, set[str]] = {}
    for sample in (sample for samples in scraped.values() for sample in samples):
        labels.setdefault(sample.name, set()).update(sample.labels)
    missing = []
    for expression in expressions():
        metrics, wanted = named(expression)
        assert metrics, expression
        missing += [(expression, metric) for metric in metrics if metric not in labels]
        known = set().union(*(labels.get(metric, set()) for metric in metrics))
        missing += [(expression, label) for label in wanted - known]

    assert missing == []


def test_held_in_doubt_are_those_who_came_to_no_other_state(scraped: dict[str, list[Sample]]) -> None:
    """Of four that were held one was taken by the relay after all."""
    assert [sample.value for sample in scraped["faulty"] if sample.name == "postroom_in_doubt"] == [3]
