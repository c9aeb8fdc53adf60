"""``/export``: the file of a job, for whoever knows its URL."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from services.api.fields import RequestModel
from services.api.operation import Api, Call, Operation, Stream
from shared.domain.refusal import Refused
from shared.object_store.interface import NoSuchObject, ObjectStore
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))

CSV: Final = "text/csv; charset=utf-8"


class ExportQuery(RequestModel):
    """``key``: no more than that says whose file it is, so it is as long as a key to anything else."""

    key: Annotated[str, Field(pattern=r"^[a-z0-9]{1,64}$")]


async def get_export(api: Api, call: Call[ExportQuery, None]) -> Stream | Refused:
    key = call.query.key
    filename = await api.database.fetch_value(QUERIES["read_export"], key)
    try:
        size = await api.objects.size(key) if filename else None
    except NoSuchObject:
        size = None
    if size is None:
        return Refused.not_found("there is no such file, or it has expired")
    headers = {"Content-Disposition": f'attachment; filename="{filename}"', "Content-Length": str(size)}
    return Stream(_pieces(api.objects, key), CSV, headers)


async def _pieces(objects: ObjectStore, key: str) -> AsyncIterator[bytes]:
    async with objects.open(key) as stored:
        async for piece in stored.pieces:
            yield piece


OPERATIONS = (
    Operation(
        "GET",
        "/export",
        "The file of a job, at the URL that the job has told",
        get_export,
        str,
        query=ExportQuery,
        refusals=(404,),
        media=("text/csv",),
        public=True,
        security=(),
    ),
)
