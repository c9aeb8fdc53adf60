"""Calls ``/job`` as the clients do: signed fields, in each of the shapes they send, and a key in the header."""

import asyncio
import io
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
import orjson

from shared.domain.sailthru_signature import sign
from shared.postgres.database import Database
from tests.integration.api.conftest import Client

SECONDS = 30.0
BOUNDARY = "--------------------NODENEEDLEHTTPCLIENT"


_SIGNUPS = """
SELECT email, signup_at
  FROM subscription
  JOIN subscriber ON subscriber.id = subscriber_id
 WHERE list_id = $1 AND ended_at IS NULL
"""


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Any
    body: Any

    @property
    def error(self) -> tuple[int, int]:
        """(status, number) of a refusal, which is checked to be one."""
        assert self.status != 200
        assert set(self.body) == {"error", "errormsg"}
        assert isinstance(self.body["errormsg"], str)
        return self.status, self.body["error"]


@dataclass
class Caller:
    """``native``: the same key at the other resources."""

    url: str
    session: aiohttp.ClientSession
    key: str
    secret: str
    native: Client
    database: Database

    def fields(self, params: dict[str, Any]) -> dict[str, str]:
        """The four that every client sends."""
        given = {"api_key": self.key, "format": "json", "json": json.dumps(params)}
        return {**given, "sig": sign(self.secret, given.values())}

    async def post(self, upload: bytes | None = None, /, **params: Any) -> Reply:
        fields = self.fields(params)
        if upload is None:
            return await self.send("POST", data=urlencode(fields), form=True)
        return await self.send_parts(fields, upload)

    async def send_parts(self, fields: dict[str, str], file: bytes | None) -> Reply:
        """As Node writes them, without the end of the last line."""
        parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}' for name, value in fields.items()]
        told = [part.encode() for part in parts]
        if file is not None:
            head = b'Content-Disposition: form-data; name="file"; filename="x.csv"\r\n'
            kind = b"Content-Transfer-Encoding: binary\r\nContent-Type: application/octet-stream\r\n\r\n"
            told.append(head + kind + file)
        line = b"--" + BOUNDARY.encode()
        body = b"".join(line + b"\r\n" + part + b"\r\n" for part in told) + line + b"--"
        return await self.send("POST", data=body, headers={"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})

    async def get(self, job_id: str) -> Reply:
        return await self.send("GET", query=urlencode(self.fields({"job_id": job_id})))

    async def send(
        self,
        method: str,
        *,
        data: str | bytes | None = None,
        form: bool = False,
        query: str = "",
        headers: dict[str, str] | None = None,
        path: str = "/job",
    ) -> Reply:
        given = {**({"Content-Type": "application/x-www-form-urlencoded"} if form else {}), **(headers or {})}
        url = f"{self.url}{path}" + (f"?{query}" if query else "")
        body = io.BytesIO(data) if isinstance(data, bytes) else data
        async with self.session.request(method, url, data=body, headers=given) as response:
            return Reply(response.status, response.headers, orjson.loads(await response.read()))

    async def with_key(self, method: str, body: Any = None, query: str = "") -> Reply:
        """A key in the header, and JSON."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body)
        return await self.send(method, data=data, query=query, headers=headers)

    async def ended(self, posted: Reply | str) -> dict[str, Any]:
        """The job once it has ended, as GET tells it."""
        if isinstance(posted, Reply):
            assert posted.status == 200, posted.body
        job_id = posted if isinstance(posted, str) else posted.body["job_id"]
        async with asyncio.timeout(SECONDS):
            while True:
                told = await self.get(job_id)
                assert told.status == 200, told.body
                if told.body["status"] != "pending":
                    answer: dict[str, Any] = told.body
                    return answer
                await asyncio.sleep(0.02)

    async def done(self, upload: bytes | None = None, /, **params: Any) -> dict[str, Any]:
        """A job posted and completed."""
        told = await self.ended(await self.post(upload, **params))
        assert told["status"] == "completed", told
        return told

    async def list_id(self, name: str) -> int:
        lists = (await self.native.get("/list?count=1000")).json
        return next(int(each["id"]) for each in lists if each["name"] == name)

    async def on_list(self, name: str) -> list[dict[str, Any]]:
        """Subscriptions that have not ended, in the order of subscribers."""
        page = await self.native.get(f"/list/{await self.list_id(name)}/subscriber?count=1000")
        return list(page.json)

    async def emails(self, name: str) -> list[str]:
        return sorted(each["email"] for each in await self.on_list(name))

    async def signups(self, name: str) -> dict[str, str]:
        """When each who has not ended signed up for a list, ISO 8601 in UTC, by email."""
        rows = await self.database.fetch(_SIGNUPS, await self.list_id(name))
        return {row["email"]: row["signup_at"].isoformat() for row in rows}

    async def person(self, email: str) -> dict[str, Any] | None:
        found = (await self.native.get(f"/subscriber?email={email}")).json
        return found[0] if found else None
