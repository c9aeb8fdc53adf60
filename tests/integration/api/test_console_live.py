"""Live figures over HTTP: one reads for all, streams are bounded, and whoever leaves is missed."""

import asyncio

import aiohttp
import pytest

from services.api.app import RunningApi
from services.api.console import live as live_figures
from services.api.console.console import Console
from shared.delivery_log.append import DeliveryLog
from shared.domain.delivery import Kind
from shared.domain.identifiers import TaskId
from shared.postgres.database import Database
from tests.integration.api.conftest import NOW_DUE, Client, Ready
from tests.integration.api.visiting import visit
from tests.integration.tracker.called_back import segment
from tests.integration.tracker.running_projectors import project_all


async def test_many_watch_and_one_reads(client: Client, database: Database, api: RunningApi, ready: Ready) -> None:
    """Sixty streams of one task are told of the same hits, and cost no more readings than one."""
    task = (await client.post("/task", ready.task(scheduledtime=NOW_DUE))).json["id"]
    await database.execute("UPDATE task SET started = true, recipients = 3 WHERE id = $1", task)
    visitor = await visit(client)
    headers = {"Cookie": visitor.cookie}

    async def follow() -> int:
        """How many events it took until the third is known of."""
        async with client.session.get(f"{client.url}/console/task/{task}/live", headers=headers) as stream:
            assert stream.headers["Content-Type"] == "text/event-stream"
            for events in range(1, 1000):
                event = await stream.content.readuntil(b"\n\n")
                if b"3 of 3" in event.replace(b'<span class=\\"n\\">', b"").replace(b"</span>", b""):
                    return events
        raise AssertionError("never told")

    async def happen() -> None:
        for ordinal in range(3):
            await DeliveryLog(database).append([segment(TaskId(task), Kind.SUBMITTED, [ordinal])])
            await project_all(database)

    streams = [asyncio.create_task(follow()) for _ in range(60)]
    async with asyncio.timeout(40):
        await happen()
        events = await asyncio.gather(*streams)

    # Each was told the first figures by its own request, and the third by what one read for all, once a second at most.
    assert min(events) > 2
    assert isinstance(api.console, Console)
    assert api.console.live.readings < len(streams)


async def test_whoever_leaves_is_missed_and_how_long_he_stayed_is_no_latency(client: Client, api: RunningApi) -> None:
    """Also where nothing changes meanwhile."""
    assert isinstance(api.console, Console)
    live, visitor = api.console.live, await visit(client)
    headers = {"Cookie": visitor.cookie}
    async with client.session.get(f"{client.url}/console/live", headers=headers) as stream:
        await stream.content.readuntil(b": still here\n\n")
    counted = 'postroom_http_requests_total{method="GET",route="/console/live",status="200"} 1.0'
    async with asyncio.timeout(20):
        while live._watchers or counted not in (await client.get("/metrics")).data.decode():
            await asyncio.sleep(0.05)

    figures = (await client.get("/metrics")).data.decode()
    assert 'seconds_count{method="GET",route="/console"}' not in figures
    await visitor.get()
    figures = (await client.get("/metrics")).data.decode()
    assert 'seconds_count{method="GET",route="/console"} 1.0' in figures
    assert 'seconds_count{method="GET",route="/console/live"}' not in figures


@pytest.mark.parametrize("bound", ["MOST_WATCHERS", "MOST_OF_ONE"])
async def test_streams_are_bounded_and_end_with_the_service(
    client: Client, api: RunningApi, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    """One more is told to come later, and has its page all the same; of all, and of one account's."""
    monkeypatch.setattr(live_figures, bound, 2)
    visitor = await visit(client)
    headers = {"Cookie": visitor.cookie}
    streams = [await client.session.get(f"{client.url}/console/live", headers=headers) for _ in range(2)]
    for stream in streams:
        await stream.content.readuntil(b"\n\n")
        await stream.content.readuntil(b"\n\n")
    turned_away = await visitor.get("/console/live", Accept="text/event-stream")
    assert (turned_away.status, turned_away.headers["Retry-After"]) == (503, "2")
    assert (await visitor.get()).status == 200

    async with asyncio.timeout(10):
        await api.stop()
        assert [await _rest(stream) for stream in streams] == [True, True]


async def _rest(stream: aiohttp.ClientResponse) -> bool:
    """Whether it came to its end."""
    await stream.content.read()
    return stream.content.at_eof()
