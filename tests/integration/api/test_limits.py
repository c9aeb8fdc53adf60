"""The edge of HTTP: what is refused before anybody looks into it."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import aiohttp
import orjson
import pytest

from services.api.app import start_api
from services.api.health import Readiness
from services.api.keys import create_key
from shared.bus.in_process import InProcess
from shared.domain.refusal import Refused
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.runtime.settings import Settings
from tests.integration.api.conftest import Client, Clients, Ready, count_events
from tests.servers.tcp_proxy import TcpProxy

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def raw(url: str, request: bytes) -> bytes:
    """What the server says to these very bytes, until it closes."""
    at = urlsplit(url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    writer.write(request)
    async with asyncio.timeout(20):
        answer = await reader.read()
    writer.close()
    return answer


async def test_an_unknown_path_is_a_problem_also_without_a_key(clients: Clients) -> None:
    for path in ("/", "/nothing", "/task/x", "/task/1/nothing", "/%00", "/%ff/..%2f"):
        assert (await clients.without_key().get(path)).status == 404


async def test_an_unknown_method_names_the_known_ones(client: Client) -> None:
    reply = await client.send("PATCH", "/task")

    assert reply.status == 405
    assert reply.headers["Allow"] == "GET, HEAD, POST, PUT"
    assert (await client.send("POST", "/healthz", {})).status == 405


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        {"Content-Type": "application/x-ndjson"},
        {"Content-Type": "/"},
    ],
)
async def test_a_body_in_another_form_is_refused(client: Client, database: Database, headers: dict[str, str]) -> None:
    before = await count_events(database)
    reply = await client.post("/list", gzip.compress(b'{"name": "x"}'), headers=headers)

    assert reply.status == 415
    assert await count_events(database) == before


async def test_a_body_that_is_too_large_is_refused_with_and_without_a_length(client: Client) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 65_536

    assert (await client.post("/list", b"x" * 1_048_577)).status == 413
    async with client.session.post(
        client.url + "/list",
        data=pieces(),
        headers={"Authorization": f"Bearer {client.key}", "Content-Type": "application/json"},
    ) as response:
        assert response.status == 413


async def test_a_list_takes_more_than_ten_mebibytes_of_subscribers(client: Client, ready: Ready) -> None:
    people = [{"email": f"big{number}@x.org", "vars": {"text": "x" * 11_000}} for number in range(1000)]
    body = orjson.dumps(people)

    assert len(body) > 10 * 1_048_576
    assert (await client.post(f"/list/{ready.list_id}/subscriber", body)).json["created"] == 1000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff",
        b"\xef\xbb\xbf{}",
        b"[" * 5000,
        b'{"name": NaN}',
        b'{"name": "\\ud800"}',
    ],
)
async def test_what_is_no_json_object(client: Client, database: Database, body: bytes) -> None:
    before = await count_events(database)

    assert (await client.post("/list", body)).status == 400
    assert await count_events(database) == before


async def test_of_a_field_given_twice_in_json_the_last_counts(client: Client) -> None:
    assert (await client.post("/list", b'{"name": "a", "name": "b"}')).json["name"] == "b"


@pytest.mark.parametrize("body", [b"name=a&name=b", b"name[]=a", b"name=%ff", b"name=a&x[=1", b"%00=1"])
async def test_what_is_no_form(client: Client, body: bytes) -> None:
    assert (await client.post("/list", body, headers=FORM)).status == 400


async def test_a_body_without_a_type_is_read_as_json(client: Client) -> None:
    at = urlsplit(client.url)
    body = b'{"name": "bare"}'
    request = f"POST /list HTTP/1.1\r\nHost: {at.netloc}\r\nAuthorization: Bearer {client.key}\r\nConnection: close\r\n"
    answer = await raw(client.url, f"{request}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    assert answer.startswith(b"HTTP/1.1 201 ")


async def test_a_client_may_ask_before_it_sends(client: Client) -> None:
    at = urlsplit(client.url)
    body = b'{"name": "asked"}'
    head = f"POST /list HTTP/1.1\r\nHost: {at.netloc}\r\nAuthorization: Bearer {client.key}\r\nConnection: close\r\n"
    answer = await raw(client.url, f"{head}Expect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 ")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET /task HTTP/9.9\r\n\r\n",
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /task HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 10_000 + b"\r\n\r\n",
        b"GET /task HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"GET /task HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /task HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /task HTTP/1.1\r\nHost: x\r\nAuth\x00: y\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_a_problem_too(client: Client, request_bytes: bytes) -> None:
    head, _, body = (await raw(client.url, request_bytes)).partition(b"\r\n\r\n")

    assert head.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
    assert b"application/problem+json" in head
    assert orjson.loads(body)["status"] == 400


async def test_the_pages_for_everybody_need_no_key(clients: Clients) -> None:
    nobody = clients.without_key()
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"):
        assert (await nobody.get(path)).status == 200
        assert (await nobody.send("HEAD", path)).data == b""
    assert (await nobody.get("/openapi.json")).json["openapi"] == "3.1.0"
    assert b"<script src" not in (await nobody.get("/docs")).data


async def test_metrics_count_by_the_template_of_the_path(client: Client) -> None:
    for number in range(1, 4):
        await client.get(f"/task/{number}")
    text = (await client.get("/metrics")).data.decode()

    assert 'postroom_http_requests_total{method="GET",route="/task/{task_id}",status="404"} 3.0' in text
    assert "/task/1" not in text


async def test_a_client_that_hangs_up_hurts_nobody(client: Client, ready: Ready) -> None:
    body = orjson.dumps(ready.task())
    at = urlsplit(client.url)
    head = f"POST /task HTTP/1.1\r\nHost: {at.netloc}\r\nAuthorization: Bearer {client.key}\r\n"
    request = f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body

    async def hang_up() -> None:
        _, writer = await asyncio.open_connection(at.hostname, at.port)
        writer.write(request)
        await writer.drain()
        writer.transport.abort()

    replies = await asyncio.gather(
        *(hang_up() for _ in range(20)), *(client.post("/task", ready.task(name=f"t{number}")) for number in range(20))
    )

    assert {reply.status for reply in replies if reply is not None} == {201}


async def test_who_leaves_in_the_middle_of_a_body_is_no_failure_of_ours(client: Client) -> None:
    """Nobody reads the answer, but it is counted: as a request that could not be read."""
    at = urlsplit(client.url)
    head = f"POST /task HTTP/1.1\r\nHost: {at.netloc}\r\nAuthorization: Bearer {client.key}\r\n"
    counted = 'postroom_http_requests_total{method="POST",route="/task",status="400"}'
    for _ in range(5):
        _, writer = await asyncio.open_connection(at.hostname, at.port)
        writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{".encode())
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.transport.abort()

    async with asyncio.timeout(20):
        while f"{counted} 5.0" not in (text := (await client.get("/metrics")).data.decode()):
            await asyncio.sleep(0.05)
    assert 'status="500"' not in text


async def test_without_postgres_a_client_is_asked_to_come_again(
    settings: Settings, database_url: str, bus: InProcess, session: aiohttp.ClientSession
) -> None:
    async with TcpProxy(database_url) as proxy:
        far = await Database.connect(proxy.url)
        store = PostgresEventStore(far)
        key = await create_key(far, store, settings.secret, "acme", "ann", "admin", "test")
        assert not isinstance(key, Refused)
        running = await start_api(settings, far, store, bus)
        client = Client(running.url, session, key["key"])
        try:
            assert (await client.get("/list")).status == 200
            await proxy.shut()
            reply = await client.get("/list")
            assert (reply.status, reply.headers["Retry-After"].isdigit()) == (503, True)
            assert (await client.post("/list", {"name": "x"})).status == 503
            assert (await client.get("/healthz")).status == 200
            await proxy.open()
            assert (await client.post("/list", {"name": "x"})).status == 201
        finally:
            await running.stop()
            await far.close()


async def test_ready_is_who_could_write_within_thirty_seconds(database: Database) -> None:
    now = [100.0]
    readiness = Readiness(database, lambda: now[0])
    now[0] = 129.0
    assert readiness.ready()
    now[0] = 131.0
    assert not readiness.ready()
    await readiness.probe()
    assert readiness.ready()
