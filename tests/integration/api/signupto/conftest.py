"""The client of PyPI as it is, and raw requests in the shape of the others, over a real socket."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from itertools import count
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import signupto

from services.api.keys import CreatedKey
from tests.integration.api.conftest import Client, Clients

_NONCES = count(1)


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    data: bytes

    @property
    def response(self) -> Any:
        """What is in the envelope, which is checked to be one."""
        envelope = json.loads(self.data)
        assert set(envelope) == {"status", "response"}
        if self.status < 300:
            assert envelope["status"] == "ok"
            assert set(envelope["response"]) == {"data", "count", "next"}
        else:
            assert envelope["status"] == "error"
            told = {"message", "code", "subcode", "additional_information"}
            assert set(envelope["response"]) == (told | {"resource_id"} if self.status == 409 else told)
            assert envelope["response"]["code"] == self.status
            assert envelope["response"]["subcode"] is None
            assert envelope["response"]["additional_information"] is None
        return envelope["response"]

    @property
    def answer(self) -> Any:
        return self.response["data"]


@dataclass
class Signer:
    """Signs as the clients in PHP, Node, C# and Ruby do, and sends it byte by byte."""

    url: str
    created: CreatedKey
    overrides: dict[str, str] = field(default_factory=dict)

    def sign(self, method: str, path: str, **changed: str) -> dict[str, str]:
        own = self.created["signupto"]
        headers = {
            "Date": formatdate(usegmt=True),
            "X-SuT-CID": str(own["cid"]),
            "X-SuT-UID": str(own["uid"]),
            "X-SuT-Nonce": f"nonce-{next(_NONCES)}",
            **{name.replace("_", "-"): value for name, value in changed.items()},
        }
        lines = [f"{method} {path.rstrip('/')}", *(f"{name}: {value}" for name, value in headers.items()), own["key"]]
        signature = hashlib.sha1("\r\n".join(lines).encode()).hexdigest()
        return {**headers, "Authorization": f'SuTHash signature="{signature}"'}

    async def form(self, method: str, path: str, query: str = "", **fields: object) -> Reply:
        """A body as a form, as Node, C# and Ruby send it."""
        body = urlencode(fields).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", **self.sign(method, path)}
        return await self.send(method, path + query, headers, body)

    async def json(self, method: str, path: str, query: str = "", **fields: object) -> Reply:
        headers = {"Content-Type": "application/json", **self.sign(method, path)}
        return await self.send(method, path + query, headers, json.dumps(fields).encode())

    async def get(self, path: str, query: str = "", method: str = "GET") -> Reply:
        return await self.send(method, path + query, self.sign(method, path))

    async def send(self, method: str, target: str, headers: dict[str, str], body: bytes | None = None) -> Reply:
        at = urlsplit(self.url)
        lines = {"Host": at.netloc, "Connection": "close", **headers}
        if body is not None:
            lines["Content-Length"] = str(len(body))
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        try:
            writer.write(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + (body or b""))
            async with asyncio.timeout(30):
                answered = await reader.read()
        finally:
            writer.close()
        top, _, data = answered.partition(b"\r\n\r\n")
        first, *fields = top.decode().split("\r\n")
        given = dict(line.split(": ", 1) for line in fields)
        return Reply(int(first.split(" ")[1]), {name.lower(): value for name, value in given.items()}, data)


def speak(url: str, created: CreatedKey) -> signupto.Client:
    """The client of PyPI, signing in by hash, pointed at ``url``."""
    own = created["signupto"]
    auth = signupto.HashAuthorization(company_id=own["cid"], user_id=own["uid"], api_key=own["key"])
    client = signupto.Client(version="1", auth=auth)
    client._baseurl = f"{url}/v1/"
    return client


async def ask(call: Callable[..., Any], **arguments: Any) -> Any:
    """The client blocks: it is called beside the loop that serves it."""
    return await asyncio.to_thread(call, **arguments)


@pytest.fixture
def created(client: Client) -> CreatedKey:
    assert client.created is not None
    return client.created


@pytest.fixture
def py(client: Client, created: CreatedKey) -> signupto.Client:
    """PyPI's, of an admin."""
    return speak(client.url, created)


@pytest.fixture
def raw(client: Client, created: CreatedKey) -> Signer:
    return Signer(client.url, created)


@pytest.fixture
async def stranger(clients: Clients) -> Client:
    """Of another account."""
    return await clients.make(account="other", user="otto")
