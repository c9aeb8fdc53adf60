"""The body of a request, within its limits: size, time, type and encoding."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from services.api import problem
from services.api.operation import Operation
from services.api.problem import Problem
from shared.domain.refusal import Fault

BODY_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class ReadBody:
    """``content``: what the operation makes of it, or a list of faults. ``data``: the bytes as they came."""

    content: Any
    media: str = ""
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a dialect had to read to know who asks. ``query``: its arguments by name, as text; None: those of the URL.
    ``body``: None: it is still to be read.
    """

    query: Mapping[str, Any] | None = None
    body: ReadBody | None = None


TAKEN: Final = web.RequestKey("taken", Taken)
#: Headers for whatever is answered.
SAID: Final = web.RequestKey("said", Mapping[str, str])


async def read_body(request: web.BaseRequest, operation: Operation[Any, Any]) -> ReadBody | Problem:
    if operation.body is None:
        return ReadBody(None)
    if TAKEN in request and (taken := request[TAKEN].body):
        return taken
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        return problem.unsupported("send the body as it is, without Content-Encoding")
    # No content type at all: the body says it is JSON, or that it is not.
    media = request.content_type if "Content-Type" in request.headers else next(iter(operation.body.media))
    if media not in operation.body.media or (request.charset or "utf-8").lower() not in ("utf-8", "utf8", "us-ascii"):
        return problem.unsupported("send " + " or ".join(operation.body.media) + ", in UTF-8")
    data = await read_bytes(request, operation.limit)
    if isinstance(data, Problem):
        return data
    return ReadBody(operation.body.read(media, data), media, data)


async def read_bytes(request: web.BaseRequest, limit: int) -> bytes | Problem:
    if (request.content_length or 0) > limit:
        return problem.too_large(limit)
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        if request.content.is_eof():  # as nearly always: it came with its header, and nothing has to be waited for
            data = request.content.read_nowait()
        else:
            async with asyncio.timeout(BODY_SECONDS):
                data = await _read_on(request, limit)
    except TimeoutError:
        return Problem(408, f"the body took longer than {BODY_SECONDS:.0f} seconds")
    except (web.RequestPayloadError, ConnectionError) as error:
        return problem.invalid([Fault("", f"the body is broken: {error}")])
    return problem.too_large(limit) if len(data) > limit else data


async def _read_on(request: web.BaseRequest, limit: int) -> bytes:
    """Not further than to the piece that is beyond ``limit``."""
    data = bytearray()
    async for piece in request.content.iter_any():
        data += piece
        if len(data) > limit:
            break
    return bytes(data)
