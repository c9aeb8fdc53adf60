"""Contact records and the report: what the sets and the log say, brought together."""

import csv
import io
from typing import Any

import orjson
import pytest

from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.segments import HitColumns, Segment
from shared.domain.delivery import Kind
from shared.domain.evidence import Agent, Evidence, Network
from shared.domain.identifiers import shard_of
from shared.domain.task import FreezeAudience, StartTask
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from tests.integration.api.conftest import Client, drive
from tests.integration.tracker.running_projectors import project_all

BEGAN = 1_700_000_000_000  # unix ms, on no whole minute
NO_EVIDENCE = Evidence()


class Sending:
    """Plays the dispatcher for one task: freezes an audience and records what became of it."""

    def __init__(self, database: Database, store: PostgresEventStore, task_id: int) -> None:
        self.database, self.store, self.task_id = database, store, task_id
        self._batch = 0

    async def freeze(self, recipients: int, excluded: dict[str, int] | None = None) -> None:
        await self.database.execute(
            "INSERT INTO contact_record (shard, task_id, ordinal, subscriber_id, address)"
            " SELECT $1, $2, n, n + 1000, 'p' || n || '@example.com' FROM generate_series(0, $3 - 1) AS n",
            int(shard_of(self.task_id)),
            self.task_id,
            recipients,
        )
        await drive(self.store, self.task_id, StartTask(1), FreezeAudience(recipients, excluded or {}))

    async def record(
        self,
        kind: Kind,
        ordinals: list[int],
        *,
        after: int = 0,
        note: str = "",
        link: int = 0,
        evidence: Evidence = NO_EVIDENCE,
    ) -> None:
        hits = HitColumns()
        for ordinal in ordinals:
            if note:
                hits.add_noted(ordinal, BEGAN + after, note)
            else:
                hits.add(ordinal, BEGAN + after, link, evidence.pack())
        self._batch += 1
        await DeliveryLog(self.database).append([Segment(self.task_id, kind, self._batch, 1, 0, hits.take())])


@pytest.fixture
async def sending(database: Database, store: PostgresEventStore, ready_task: int) -> Sending:
    """Six recipients: two accepted, one of whom opened and clicked, one bounced, one held, one deferred, one new."""
    sending = Sending(database, store, ready_task)
    await sending.freeze(6, {"unsubscribed": 1})
    await sending.record(Kind.SUBMITTED, [0, 1])
    await sending.record(Kind.DELIVERED, [0, 1])
    await sending.record(Kind.OPENED, [1, 1], after=120_000)
    await sending.record(Kind.OPENED, [1], after=60_500)
    await sending.record(Kind.CLICKED, [1], after=61_000, link=2)
    await sending.record(Kind.BOUNCED, [2], note="550 no such user")
    await sending.record(Kind.RESENT, [1, 3])
    await sending.record(Kind.HELD, [3])
    await sending.record(Kind.DEFERRED, [4], note="451 later")
    await project_all(database)
    return sending


async def test_each_recipient_has_a_state_and_his_times(client: Client, sending: Sending) -> None:
    records = (await client.get(f"/task/{sending.task_id}/contact")).json
    began = BEGAN / 1000
    nothing = dict.fromkeys(("submitted", "delivered", "bounced", "opened", "clicked", "unsubscribed", "complained"))

    assert records[1] == {
        "ordinal": 1,
        "subscriber_id": 1001,
        "email": "p1@example.com",
        "state": "accepted",
        "reason": None,
        "in_doubt": "resent",
        **nothing,
        "submitted": began,
        "delivered": began,
        "opened": began + 60.5,
        "clicked": began + 61,
    }
    assert [record["state"] for record in records] == [
        "accepted",
        "accepted",
        "bounced",
        "in_doubt",
        "pending",
        "pending",
    ]
    assert [record["reason"] for record in records] == [None, None, "550 no such user", None, "451 later", None]
    assert [record["in_doubt"] for record in records] == [None, "resent", None, "held", None, None]
    assert records[2]["bounced"] == began


@pytest.mark.parametrize(
    ("query", "ordinals"),
    [
        ("", [0, 1, 2, 3, 4, 5]),
        ("state=pending", [4, 5]),
        ("state=accepted&event=opened", [1]),
        ("event=submitted", [0, 1]),
        ("in_doubt=held", [3]),
        ("in_doubt=resent", [1]),
        ("state=failed", []),
        ("count=2&state=pending", [4, 5]),
    ],
)
async def test_filters(client: Client, sending: Sending, query: str, ordinals: list[int]) -> None:
    reply = await client.get(f"/task/{sending.task_id}/contact?{query}")

    assert [record["ordinal"] for record in reply.json] == ordinals
    assert reply.headers["X-Total-Count"] == str(len(ordinals))
    assert "Link" not in reply.headers


@pytest.mark.parametrize(
    "query", ["state=x", "event=deferred", "in_doubt=yes", "count=0", "start=x", "x=1", "state=pending&state=failed"]
)
async def test_an_odd_filter_is_refused(client: Client, sending: Sending, query: str) -> None:
    assert (await client.get(f"/task/{sending.task_id}/contact?{query}")).status == 400


async def test_pages_show_each_recipient_once(client: Client, sending: Sending) -> None:
    found: list[int] = []
    path = f"/task/{sending.task_id}/contact?count=4"
    while path:
        page = await client.get(path)
        found += [record["ordinal"] for record in page.json]
        link = page.headers.get("Link", "")
        path = link[1 : link.index(">")] if link else ""

    assert found == [0, 1, 2, 3, 4, 5]


async def test_each_form_says_the_same(client: Client, sending: Sending) -> None:
    path = f"/task/{sending.task_id}/contact"
    as_json = (await client.get(path)).json
    as_lines = await client.get(path, headers={"Accept": "application/x-ndjson"})
    as_csv = await client.get(path, headers={"Accept": "text/csv"})

    assert [orjson.loads(line) for line in as_lines.data.splitlines()] == as_json
    assert as_csv.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(as_csv.data.decode())))
    assert rows == [{name: "" if value is None else str(value) for name, value in record.items()} for record in as_json]


async def test_before_the_audience_is_frozen_there_is_nobody(client: Client, ready_task: int) -> None:
    assert (await client.get(f"/task/{ready_task}/contact")).json == []
    report = (await client.get(f"/task/{ready_task}/report")).json
    assert (report["audience"], report["joined"], sum(report["states"].values())) == (0, None, 0)
    assert (await client.get("/task/99/contact")).status == 404
    assert (await client.get("/task/99/report")).status == 404


async def test_the_report_adds_up(client: Client, sending: Sending) -> None:
    report: dict[str, Any] = (await client.get(f"/task/{sending.task_id}/report")).json
    minute = BEGAN // 60_000 * 60

    assert report["audience"] == sum(report["states"].values()) == 6
    assert report["audience"] == report["size"] + report["joined"] - sum(report["excluded"].values())
    assert report["states"] == {
        "bounced": 1,
        "accepted": 2,
        "failed": 0,
        "uncharged": 0,
        "suppressed": 0,
        "cancelled": 0,
        "in_doubt": 1,
        "pending": 2,
    }
    assert (report["unique"]["opened"], report["total"]["opened"]) == (1, 3)
    assert report["in_doubt"] == {"held": 1, "resent": 1}
    assert report["links"] == [
        {"url": "https://example.com/a", "unique": 0, "total": 0},
        {"url": "https://example.com/b", "unique": 1, "total": 1},
    ]
    assert report["series"] == [
        {"minute": minute, "submitted": 2, "delivered": 2, "bounced": 1},
        {"minute": minute + 60, "opened": 1, "clicked": 1},
        {"minute": minute + 120, "opened": 2},
    ]


async def test_the_report_tells_whose_events_all_look_like_a_machine_s(client: Client, sending: Sending) -> None:
    """Beside the raw uniques, which count them too: a proxy that opened, a scanner's burst, and people with both."""
    proxy, browser = Evidence(Agent.APPLE_PRIVACY, Network.OTHER), Evidence(Agent.BROWSER, Network.OTHER)
    await sending.record(Kind.OPENED, [0, 1, 2], evidence=proxy)
    await sending.record(Kind.OPENED, [2], evidence=browser)
    await sending.record(Kind.CLICKED, [0, 1, 2], link=1, after=7_000_000, evidence=browser)
    await sending.record(
        Kind.CLICKED, [0, 1, 2], link=2, after=7_000_500, evidence=browser._replace(company=1, every=True)
    )
    await sending.record(Kind.CLICKED, [2], link=2, after=9_000_000, evidence=browser)
    await project_all(sending.database)

    report = (await client.get(f"/task/{sending.task_id}/report")).json

    assert report["machine"] == {"opened": 1, "clicked": 1}
    assert (report["unique"]["opened"], report["unique"]["clicked"]) == (3, 3)


async def test_what_was_counted_before_there_were_rules_has_no_machines(
    client: Client, database: Database, sending: Sending
) -> None:
    """Rather than everybody being one."""
    assert (await client.get(f"/task/{sending.task_id}/report")).json["machine"] == {"opened": 0, "clicked": 0}
    await database.execute("UPDATE projection SET rules = 0")
    await database.execute("DELETE FROM ordinal_set WHERE kind >= 64")

    assert (await client.get(f"/task/{sending.task_id}/report")).json["machine"] == {"opened": 0, "clicked": 0}


async def test_the_task_shows_its_unique_counts(client: Client, sending: Sending) -> None:
    for task in ((await client.get(f"/task/{sending.task_id}")).json, (await client.get("/task")).json[0]):
        assert (task["emailuniqueopens"], task["emailuniqueclicks"], task["emailuniquebounces"]) == (1, 1, 1)
        assert (task["emailuniqueunsubscriptions"], task["recipients"], task["started"]) == (0, 6, True)


async def test_a_listing_across_chunks_is_whole(
    client: Client, database: Database, store: PostgresEventStore, ready_task: int
) -> None:
    sending = Sending(database, store, ready_task)
    await sending.freeze(70_000)
    await sending.record(Kind.SUBMITTED, list(range(70_000)))
    await sending.record(Kind.BOUNCED, [65_535, 65_536, 69_999], note="550 no")
    await project_all(database)
    lines = (
        await client.get(f"/task/{ready_task}/contact", headers={"Accept": "application/x-ndjson"})
    ).data.splitlines()
    bounced = (await client.get(f"/task/{ready_task}/contact?state=bounced")).json

    assert len(lines) == 70_000
    assert [orjson.loads(lines[place])["ordinal"] for place in (0, 65_535, 65_536, 69_999)] == [
        0,
        65_535,
        65_536,
        69_999,
    ]
    assert [(record["ordinal"], record["reason"]) for record in bounced] == [
        (65_535, "550 no"),
        (65_536, "550 no"),
        (69_999, "550 no"),
    ]
