"""The client for outbound calls, against listeners that must not be reached and others that misbehave."""

import asyncio
import ssl
from collections.abc import Sequence
from ipaddress import ip_network

import aiohttp
import pytest
from yarl import URL

from shared.domain.egress import NO_METADATA, EgressRules
from shared.egress.client import EgressClient, NotReached, Refused, TooMuch
from tests.egress_vectors import RESOLVED, named_vectors, vectors
from tests.sinks.receiver import Answering, Receiver, Request, status

LOOPBACK = ip_network("127.0.0.0/8")
PUBLIC = "93.184.216.34"


def strict(port: int) -> EgressRules:
    """No network allowed, and the port of the canary is a usual one: nothing is refused for its port alone."""
    return EgressRules((), frozenset({80, 443, 8080, 8443, port}))


def lenient() -> EgressRules:
    return EgressRules((LOOPBACK,))


async def evil_dns(host: str, _: int) -> Sequence[str]:
    """As if every name led to the canary, those of the corpus in their own way."""
    return RESOLVED.get(host, ["127.0.0.1"])


async def outcome(client: EgressClient, url: str) -> str:
    try:
        answer = await client.post(url, b"", {}, seconds=5)
    except NotReached as reason:
        return str(reason)
    return f"answered {answer.status}"


async def is_refused(client: EgressClient, url: str) -> bool:
    """By the rules, rather than by whoever is there."""
    try:
        await client.post(url, b"", {}, seconds=5)
    except NotReached as reason:
        return isinstance(reason, Refused)
    return False


async def test_no_vector_reaches_the_canary_neither_when_saved_nor_when_dialled() -> None:
    """Each is refused before a byte leaves, also one that was stored before the rules were what they are."""
    async with Receiver() as canary, EgressClient(strict(canary.port), evil_dns) as client:
        urls = [*vectors(canary.port), *named_vectors(canary.port)]
        saved = {url for url in urls if await client.refusal(url) is None}
        dialled = {url for url in urls if not await is_refused(client, url)}

        assert len(urls) >= 400
        assert (saved, dialled, canary.connections) == (set(), set(), 0)


async def test_the_canary_is_alive() -> None:
    """The vectors are no paper tigers: a plain client is led to it by some, and ours where loopback is allowed."""
    async with Receiver() as canary, aiohttp.ClientSession() as plain, EgressClient(lenient()) as client:
        for host in ("127.0.0.1", "0x7f.1", "0.0.0.0", "[::ffff:127.0.0.1]"):
            async with plain.post(URL(f"http://{host}:{canary.port}/"), data=b"") as answer:
                assert answer.status == 200
        assert canary.connections == 4

        assert await outcome(client, f"http://127.0.0.1:{canary.port}/") == "answered 200"
        assert await outcome(client, f"http://localhost:{canary.port}/") == "answered 200"


async def test_a_name_that_changes_its_address_is_checked_at_each_dial() -> None:
    """Public when the URL is saved and at every other question, the canary in between: it is never reached."""
    asked = 0

    async def rebinding(_: str, __: int) -> Sequence[str]:
        nonlocal asked
        asked += 1
        return ["127.0.0.1"] if asked % 2 == 0 else [PUBLIC]

    async with Receiver() as canary, EgressClient(strict(canary.port), rebinding) as client:
        url = f"http://rebound.example:{canary.port}/"
        for _ in range(20):
            assert await client.refusal(url) is None
            with pytest.raises(Refused, match="not public"):
                await client.post(url, b"", {}, seconds=5)
        assert (canary.connections, asked) == (0, 40)


async def test_the_address_that_was_checked_is_the_one_that_is_dialled() -> None:
    """A name is resolved once for a call, and the call carries its name."""
    asked = []

    async def here(host: str, port: int) -> Sequence[str]:
        asked.append((host, port))
        return ["127.0.0.1"]

    async with Receiver() as receiver, EgressClient(lenient(), here) as client:
        await client.post(f"http://hooks.example:{receiver.port}/", b"", {}, seconds=5)

        assert asked == [("hooks.example", receiver.port)]
        assert receiver.requests[0].headers["host"] == f"hooks.example:{receiver.port}"


async def test_metadata_is_refused_whatever_is_allowed() -> None:
    async def metadata(_: str, __: int) -> Sequence[str]:
        return ["169.254.169.254"]

    async with EgressClient(EgressRules((ip_network("0.0.0.0/0"),)), metadata) as client:
        for url in ("http://169.254.169.254/", "http://hooks.example/", "http://metadata.google.internal/"):
            assert await client.refusal(url) == NO_METADATA
            assert await outcome(client, url) == NO_METADATA


async def test_a_name_that_cannot_be_resolved_is_taken_and_fails_when_it_is_called() -> None:
    async def nothing(_: str, __: int) -> Sequence[str]:
        raise OSError("no such name")

    async with EgressClient(EgressRules(), nothing) as client:
        assert await client.refusal("http://hooks.example/") is None
        assert await outcome(client, "http://hooks.example/") == "its name cannot be resolved"


async def test_no_redirect_is_followed() -> None:
    async with Receiver() as canary:

        async def elsewhere(_: Request) -> bytes | None:
            return status(302, f"Location: http://127.0.0.1:{canary.port}/\r\n")

        async with Receiver(elsewhere) as receiver, EgressClient(lenient()) as client:
            answer = await client.post(f"{receiver.url}/", b"secret", {"webhook-signature": "v1,x"}, seconds=5)

        assert (answer.status, canary.connections) == (302, 0)


async def test_path_and_query_go_out_byte_for_byte_and_credentials_as_a_header() -> None:
    target = "/a/../b//c;d=1?z=1&a=%7e&a=c+d&&=&e=%C3%A9&f=|{}[]'&g=?&h=a%2fb"
    async with Receiver() as receiver, EgressClient(lenient()) as client:
        await client.post(
            f"http://ada:p%40ss@127.0.0.1:{receiver.port}{target}", b"x=1", {"webhook-id": "7"}, seconds=5
        )
        await client.post(f"{receiver.url}?only=query", b"", {}, seconds=5)
        await client.post(f"{receiver.url}/an/empty/one?", b"", {}, seconds=5)

        first, second, third = receiver.requests
        assert first.line == f"POST {target} HTTP/1.1"
        assert second.line == "POST /?only=query HTTP/1.1"
        assert third.line == "POST /an/empty/one? HTTP/1.1"
        assert first.headers["authorization"] == "Basic YWRhOnBAc3M="
        assert (first.headers["webhook-id"], first.body) == ("7", b"x=1")
        assert "cookie" not in first.headers


async def test_no_more_of_an_answer_is_read_than_was_asked_for() -> None:
    async def endless(_: Request) -> bytes | None:
        return b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 300_000

    async with Receiver(endless) as receiver, EgressClient(lenient()) as client:
        answer = await client.post(f"{receiver.url}/", b"", {}, seconds=5, most_bytes=1000)
        assert (answer.status, answer.body) == (200, b"x" * 1000)

        with pytest.raises(TooMuch, match="more than 100000 bytes"):
            async with client.download(f"{receiver.url}/", seconds=5, most_bytes=100_000) as download:
                [chunk async for chunk in download.chunks]


async def test_its_status_is_an_answer_though_the_rest_never_comes() -> None:
    async def begins(_: Request) -> bytes | None:
        return b"HTTP/1.1 202 Accepted\r\nRetry-After: 7\r\nContent-Length: 100\r\n\r\nx"

    async with Receiver(begins) as receiver, EgressClient(lenient()) as client:
        answer = await client.post(f"{receiver.url}/", b"", {}, seconds=600)
        assert (answer.status, answer.headers["retry-after"], answer.body) == (202, "7", b"x")


async def test_a_file_is_read_as_it_comes() -> None:
    async with Receiver() as receiver, EgressClient(lenient()) as client:
        async with client.download(f"{receiver.url}/file.csv", seconds=5, most_bytes=2) as download:
            assert (download.status, b"".join([chunk async for chunk in download.chunks])) == (200, b"ok")
        assert receiver.requests[0].line == "GET /file.csv HTTP/1.1"


async def hangs(_: Request) -> bytes | None:
    return None


async def drips(_: Request) -> bytes | None:
    return b"HTTP/1.1 200 OK\r\nContent-Length: 1"


async def hangs_up(_: Request) -> bytes | None:
    raise OSError


async def speaks_something_else(_: Request) -> bytes | None:
    return b"220 smtp.example ESMTP\r\n\r\n"


@pytest.mark.parametrize(
    ("answering", "said"),
    [
        (hangs, "no answer within 0.2 s"),
        (drips, "no answer within 0.2 s"),
        (hangs_up, "the connection was lost"),
        (speaks_something_else, "what it answered is not HTTP"),
    ],
)
async def test_a_failure_is_told_without_url_and_credentials(answering: Answering, said: str) -> None:
    async with Receiver(answering) as receiver, EgressClient(lenient()) as client:
        with pytest.raises(NotReached) as failure:
            await client.post(f"http://ada:secret@127.0.0.1:{receiver.port}/token?key=secret", b"", {}, seconds=0.2)
        assert str(failure.value) == said
        assert failure.value.__cause__ is None
        assert failure.value.__suppress_context__


async def test_a_closed_port_and_a_certificate_that_nobody_vouches_for(
    server_tls: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    async with Receiver(tls=server_tls) as receiver:
        async with EgressClient(lenient()) as client:
            assert (
                await outcome(client, f"{receiver.url}/") == "TLS failed: its certificate or protocol was not accepted"
            )
        async with EgressClient(lenient(), trusting=trusting) as client:
            assert await outcome(client, f"{receiver.url}/") == "answered 200"
    async with EgressClient(lenient()) as client:
        assert await outcome(client, receiver.url) == "the connection was refused or could not be made"


async def test_what_waits_for_an_answer_holds_up_nobody() -> None:
    """150 calls that are never answered, and the one after them is."""
    async with Receiver(hangs) as dead, Receiver() as alive, EgressClient(lenient()) as client:
        waiting = [asyncio.create_task(outcome(client, f"{dead.url}/{n}")) for n in range(150)]
        while dead.connections < 150:
            await asyncio.sleep(0.01)
        assert await outcome(client, f"{alive.url}/") == "answered 200"
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Receiver() as proxy, Receiver() as receiver, EgressClient(lenient()) as client:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        assert await outcome(client, f"{receiver.url}/") == "answered 200"
        assert (proxy.connections, len(receiver.requests)) == (0, 1)
