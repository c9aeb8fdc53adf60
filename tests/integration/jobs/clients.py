"""The clients that exist, as they are: PyPI's and npm's ``sailthru-client``, each made to speak to our API."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sailthru import SailthruClient

from tests.integration.jobs.caller import Caller
from tests.servers.node import installed, node

NODE_CLIENT = Path(__file__).parents[2] / "clients" / "sailthru_node"
SECONDS = 30.0


class Refused(Exception):
    """The client says that the call failed: its own status, if it tells one, and the number of the error."""


class JobClient(Protocol):
    """``file``: a path on the client's disk."""

    async def post(self, **params: Any) -> dict[str, Any]: ...

    async def status(self, job_id: str) -> dict[str, Any]: ...

    async def rate(self) -> dict[str, int]:
        """What the last POST was told of how many calls are left."""
        ...


@dataclass
class OfPyPI:
    """``stripped``: the upload names its part, so that the path stays out of what is signed."""

    client: SailthruClient
    stripped: bool = True

    async def post(self, **params: Any) -> dict[str, Any]:
        files = ["file"] if self.stripped and "file" in params else None
        return await self._call(self.client.api_post, "job", params, files)

    async def status(self, job_id: str) -> dict[str, Any]:
        return await self._call(self.client.api_get, "job", {"job_id": job_id})

    async def rate(self) -> dict[str, int]:
        return dict(self.client.get_last_rate_limit_info("job", "POST"))

    async def _call(self, call: Any, *arguments: Any) -> dict[str, Any]:
        # It blocks: it is called beside the loop that serves it.
        response = await asyncio.to_thread(call, *arguments)
        if not response.is_ok():
            raise Refused(response.get_status_code(), response.get_error().get_error_code())
        return dict(response.get_body())


@dataclass
class OfNpm:
    process: asyncio.subprocess.Process
    told: dict[str, Any] | None = None

    async def post(self, **params: Any) -> dict[str, Any]:
        named = {name: params.pop(name, None) for name in ("job", "report_email", "postback_url")}
        return await self._call({**named, "options": params})

    async def status(self, job_id: str) -> dict[str, Any]:
        return await self._call({"job_id": job_id})

    async def rate(self) -> dict[str, int]:
        assert self.told is not None
        return dict(self.told["rate"])

    async def _call(self, said: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(said).encode() + b"\n")
        async with asyncio.timeout(SECONDS):
            self.told = json.loads(await self.process.stdout.readline())
        if self.told["error"]:
            raise Refused(self.told["error"]["statusCode"], self.told["error"]["error"])
        return dict(self.told["answer"])


@asynccontextmanager
async def client_of(kind: str, caller: Caller) -> AsyncIterator[JobClient]:
    if kind != "npm":
        client = SailthruClient(caller.key, caller.secret, caller.url)
        yield OfPyPI(client, stripped=kind == "PyPI")
        return
    process = await asyncio.create_subprocess_exec(
        node(),
        installed(NODE_CLIENT) / "calls.js",
        *(caller.url, caller.key, caller.secret),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield OfNpm(process)
    finally:
        assert process.stdin
        process.stdin.close()  # it ends with its input
        await process.communicate()


async def poll(client: JobClient, posted: dict[str, Any]) -> dict[str, Any]:
    """The job once it is no longer pending, by the client's own call."""
    async with asyncio.timeout(SECONDS):
        while (told := await client.status(posted["job_id"]))["status"] == "pending":
            await asyncio.sleep(0.05)
    return told
