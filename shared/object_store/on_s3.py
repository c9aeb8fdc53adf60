"""Files in a bucket of an S3-compatible store, by multipart uploads. The only file that names the library."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from aiohttp import ClientError as HttpError
from botocore.exceptions import BotoCoreError, ClientError

from shared.domain.identifiers import Instant
from shared.object_store.interface import PIECE, NoSuchObject, ObjectStoreError, StoredObject, UploadLost, checked
from shared.object_store.opening import Bucket

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_s3.type_defs import CompletedPartTypeDef, MultipartUploadTypeDef

#: Each request: so long to connect, so long for an answer, so often in all.
_CONFIG: Final = AioConfig(
    connect_timeout=5,
    read_timeout=30,
    retries={"mode": "standard", "max_attempts": 4},
    max_pool_connections=20,
    s3={"addressing_style": "path"},
    # What stores other than Amazon's do not all understand.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)

_MISSING: Final = ("NoSuchKey", "404", "NotFound")
_LOST: Final = ("NoSuchUpload", "InvalidPart", "InvalidPartOrder")
_CONTENT_TYPE: Final = "application/octet-stream"


class OnS3:
    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._opened = AsyncExitStack()
        self._opening = asyncio.Lock()  # of several who are first, one opens
        self._client: S3Client | None = None

    async def begin(self, key: str) -> str:
        with _our_errors():
            client = await self._connected()
            begun = await client.create_multipart_upload(**self._named(key), ContentType=_CONTENT_TYPE)
        return begun["UploadId"]

    async def put_part(self, key: str, upload: str, number: int, data: bytes) -> str:
        with _our_errors():
            client = await self._connected()
            put = await client.upload_part(**self._named(key), UploadId=upload, PartNumber=number, Body=data)
        return put["ETag"]

    async def finish(self, key: str, upload: str, tags: Sequence[str]) -> None:
        parts: list[CompletedPartTypeDef] = [
            {"ETag": tag, "PartNumber": number} for number, tag in enumerate(tags, start=1)
        ]
        try:
            with _our_errors():
                client = await self._connected()
                await client.complete_multipart_upload(
                    **self._named(key), UploadId=upload, MultipartUpload={"Parts": parts}
                )
        except UploadLost:
            # Finished before, and asked for once more: then there is something.
            try:
                await self.size(key)
            except NoSuchObject as none:
                raise UploadLost("the upload is no more") from none

    async def abandon(self, key: str, upload: str) -> None:
        try:
            with _our_errors():
                client = await self._connected()
                await client.abort_multipart_upload(**self._named(key), UploadId=upload)
        except UploadLost:
            return

    async def size(self, key: str) -> int:
        with _our_errors():
            client = await self._connected()
            found = await client.head_object(**self._named(key))
        return found["ContentLength"]

    @asynccontextmanager
    async def open(self, key: str) -> AsyncIterator[StoredObject]:
        with _our_errors():
            client = await self._connected()
            found = await client.get_object(**self._named(key))
        body = found["Body"]
        try:
            yield StoredObject(found["ContentLength"], _pieces(body))
        finally:
            body.close()

    async def remove(self, key: str) -> None:
        with _our_errors():
            client = await self._connected()
            await client.delete_object(**self._named(key))

    async def abandon_before(self, moment: Instant, known: Collection[str] = ()) -> int:
        """Of this prefix alone: a bucket may hold what is none of ours."""
        kept = {self._bucket.prefix + key for key in known}
        old: list[MultipartUploadTypeDef] = []
        with _our_errors():
            client = await self._connected()
            pages = client.get_paginator("list_multipart_uploads")
            async for page in pages.paginate(Bucket=self._bucket.name, Prefix=self._bucket.prefix):
                old += [each for each in page.get("Uploads", ()) if each["Initiated"].timestamp() < moment]
            old = [each for each in old if each["Key"] not in kept]
            for each in old:
                await client.abort_multipart_upload(
                    Bucket=self._bucket.name, Key=each["Key"], UploadId=each["UploadId"]
                )
        return len(old)

    async def close(self) -> None:
        self._client = None
        await self._opened.aclose()

    def _named(self, key: str) -> dict[str, Any]:
        return {"Bucket": self._bucket.name, "Key": self._bucket.prefix + checked(key)}

    async def _connected(self) -> "S3Client":
        async with self._opening:
            client = self._client
            if client is None:
                at = self._bucket
                client = await self._opened.enter_async_context(
                    get_session().create_client(
                        "s3",
                        region_name=at.region,
                        endpoint_url=at.endpoint,
                        aws_access_key_id=at.key_id,
                        aws_secret_access_key=at.secret,
                        config=_CONFIG,
                    )
                )
            self._client = client
            return client


@contextmanager
def _our_errors() -> Iterator[None]:
    """Ours for the library's, without its words: they may name keys and addresses."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        raise _kind_of(code)(f"the object store answered {code or 'with a fault'}") from error
    except (BotoCoreError, HttpError, OSError, TimeoutError) as error:
        raise ObjectStoreError(f"the object store cannot be used: {type(error).__name__}") from error


def _kind_of(code: str) -> type[ObjectStoreError]:
    if code in _MISSING:
        return NoSuchObject
    return UploadLost if code in _LOST else ObjectStoreError


async def _pieces(body: Any) -> AsyncIterator[bytes]:
    with _our_errors():
        async for piece in body.iter_chunks(PIECE):
            yield piece
