"""The fields of a request, wherever they stand: in the query of a GET, in the form or the parts of a POST."""

from dataclasses import dataclass
from typing import Any, Final

import orjson
from aiohttp import web

from services.api.body import FORM, JSON
from services.api.dialects.sailthru.read_multipart import read_multipart
from services.api.dialects.sailthru.read_wire import BAD_UTF8, Pairs, read_params, refuse
from services.api.parse_form import grow_fields, read_pairs
from services.api.problem import Problem, from_refusal, too_large, unsupported
from services.api.read_request import read_bytes
from services.api.resources.job.given import MOST_UPLOADED, OTHER, Given
from services.api.resources.job.routes import MOST_SENT
from services.api.resources.job.schema import MULTIPART
from shared.domain.refusal import Fault, Refused

_CHARSETS: Final = ("utf-8", "utf8", "us-ascii")


@dataclass(frozen=True, slots=True)
class Said:
    """``pairs``: fields in their order; None: the body is JSON, and ``data`` holds it."""

    pairs: Pairs | None
    data: bytes = b""
    file: bytes | None = None


async def read_said(request: web.BaseRequest) -> Said | Problem:
    if request.method != "POST":
        return _of_form(request.raw_path.partition("?")[2])
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        return unsupported("send the body as it is, without Content-Encoding")
    media = request.content_type if "Content-Type" in request.headers else JSON
    if media not in (JSON, FORM, MULTIPART) or (request.charset or "utf-8").lower() not in _CHARSETS:
        return unsupported(f"send {FORM}, {MULTIPART} or {JSON}, in UTF-8")
    data = await read_bytes(request, MOST_SENT)
    if isinstance(data, Problem):
        return data
    if media == JSON:
        return Said(None, data)
    if media == FORM:
        try:
            return _of_form(data.decode())
        except UnicodeDecodeError:
            return from_refusal(refuse(BAD_UTF8, Fault("", "the form is not UTF-8")))
    return _of_parts(_boundary(request.headers["Content-Type"]), data)


def _of_form(text: str) -> Said | Problem:
    pairs = read_pairs(text)
    return Said(pairs) if isinstance(pairs, list) else _problem(pairs)


def _of_parts(boundary: str, data: bytes) -> Said | Problem:
    found = read_multipart(boundary, data)
    if isinstance(found, Fault):
        return _problem(found)
    if found.file is not None and len(found.file) > MOST_UPLOADED:
        return too_large(MOST_UPLOADED)
    return Said(found.pairs, file=found.file)


def _problem(fault: Fault) -> Problem:
    return from_refusal(refuse(BAD_UTF8 if fault.message.endswith("UTF-8") else OTHER, fault))


def _boundary(content_type: str) -> str:
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "boundary":
            return value.strip().strip('"')
    return ""


def read_unsigned(said: Said) -> Given | Refused:
    """Of a request with a key in its header: the parameters as they are."""
    params = read_params(said.data) if said.pairs is None else grow_fields(said.pairs)
    if isinstance(params, list):
        return refuse(OTHER, *params)
    return Given(params, said.file, as_text=said.pairs is not None)


def spelled(given: Given) -> bytes:
    """The same for every spelling of a call: what a repeat of it is known by."""
    said: list[Any] = [given.params, given.as_text]
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS) + (given.file or b"")
