"""URLs that lead where nothing may be called: refused where they are saved, and again where they are dialled."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_network
from pathlib import Path

import pytest

from shared.bus.in_process import InProcess
from shared.domain.egress import EgressRules
from shared.egress.client import EgressClient, Refused
from shared.postgres.database import Database
from tests.egress_vectors import RESOLVED, named_vectors, vectors
from tests.faults.measured import Measured
from tests.integration.watching.whole import Whole, whole_on
from tests.sinks.fake_relay import FakeRelay
from tests.sinks.receiver import Receiver, Request, status

FIELDS = ("event_callback", "url", "postback_url")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = await Database.connect(database_url)
    yield database
    await database.close()


async def save(whole: Whole, field: str, url: str) -> int:
    """The status of a request that would have it called."""
    path, body = "/job", {"job": "import", "list": "Nest", "emails": "a@b.co", "postback_url": url}
    if field == "url":
        body = {"job": "import", "list": "Nest", "url": url}
    if field == "event_callback":
        path, body = "/campaign", {"name": "c", "list": 1, "event_callback": url}  # type: ignore[dict-item]  # JSON
    key = {"Authorization": f"Bearer {whole.key}"}
    async with whole.session.request("POST", whole.api.url + path, json=body, headers=key) as answer:
        await answer.read()
        return answer.status


@pytest.mark.fault(
    "F34",
    "URLs of inner addresses in every spelling, saved as callback, postback and file to fetch",
    expects="0 saved, 0 connections to the canary",
)
async def test_no_url_that_leads_inside_is_saved(
    database: Database, tmp_path: Path, rounds: int, measured: Measured
) -> None:
    """The API refuses each of them, in each field that takes one."""
    bus = InProcess()
    async with (
        Receiver() as canary,
        FakeRelay() as mails,
        whole_on(
            database, bus, tmp_path, mails.port, egress_allow="", egress_ports=f"80,443,8080,8443,{canary.port}"
        ) as whole,
    ):
        made = await whole.call("POST", "/list", {"name": "Nest"})
        assert made["id"] == 1
        urls = vectors(canary.port)
        gate = asyncio.Semaphore(16)

        async def one(field: str, url: str) -> tuple[str, str, int]:
            async with gate:
                return field, url, await save(whole, field, url)

        fields = FIELDS * len(urls)  # in the short form each in one of them
        tries = [
            (field, url) for number, url in enumerate(urls) for field in (FIELDS if rounds > 1 else [fields[number]])
        ]
        answered = await asyncio.gather(*(one(field, url) for field, url in tries if url))
        assert await save(whole, "event_callback", "https://93.184.216.34/") == 201
    await bus.close()
    saved = [each for each in answered if each[2] != 400]
    measured.add(vectors=len(urls), tries=len(answered), saved=len(saved), hits=canary.connections)
    assert (saved, canary.connections) == ([], 0)
    assert len(urls) >= 200


@pytest.mark.fault(
    "F34",
    "the same URLs dialled, names that change their address between look-ups, redirects to inner addresses",
    expects="0 connections to the canary, at each try",
)
async def test_no_url_that_leads_inside_is_dialled(rounds: int, measured: Measured) -> None:
    """Also such as were saved before the rules were what they are."""
    inner = (
        ["127.0.0.1"],
        ["::1"],
        ["93.184.216.34", "127.0.0.1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["0.0.0.0"],
    )
    asked = 0

    async def flipping(host: str, _: int) -> Sequence[str]:
        """Of those that flip: public when it is saved, then inner."""
        nonlocal asked
        asked += 1
        return RESOLVED.get(host, ["93.184.216.34"] if asked % 2 else inner[asked // 2 % len(inner)])

    async with Receiver() as canary:
        strict = EgressRules((), frozenset({80, 443, 8080, 8443, canary.port}))
        urls = [*vectors(canary.port), *named_vectors(canary.port)]
        async with EgressClient(strict, flipping) as client:
            for _ in range(rounds):
                for url in urls:
                    with pytest.raises(Refused):
                        await client.post(url, b"", {}, seconds=5)
                for number in range(24):
                    asked, url = 0, f"http://flips{number}.example:{canary.port}/"
                    assert await client.refusal(url) is None
                    asked = 2 * number + 1
                    with pytest.raises(Refused):
                        await client.post(url, b"", {}, seconds=5)
        redirects = await redirected(canary.port)
    measured.add(vectors=len(urls), flips=24, redirects=redirects, hits=canary.connections, rounds=rounds)
    assert canary.connections == 0


async def redirected(port: int) -> int:
    """How many answers sent the client to the canary, where even that is allowed."""
    codes = (300, 301, 302, 303, 305, 307, 308)

    async def elsewhere(request: Request) -> bytes | None:
        return status(
            int(request.line[6:9]), f"Location: http://127.0.0.1:{port}/\r\nRefresh: 0; http://127.0.0.1:{port}/\r\n"
        )

    async with Receiver(elsewhere) as receiver, EgressClient(EgressRules((ip_network("127.0.0.0/8"),))) as client:
        for code in codes:
            answer = await client.post(f"{receiver.url}/{code}", b"secret", {"webhook-signature": "v1,x"}, seconds=5)
            assert answer.status == code
    return len(codes)
