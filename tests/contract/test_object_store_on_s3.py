"""The store in a bucket keeps the promises of every object store, on an S3-compatible server."""

import itertools
from collections.abc import AsyncIterator, Iterator

import pytest

from services.standalone.private_process import free_port
from shared.object_store.interface import ObjectStore
from shared.object_store.opening import open_object_store
from tests.contract.object_store_contract import FOREVER, ObjectStoreContract, is_there, read, write
from tests.servers.s3 import S3Server, s3_server

_COUNT = itertools.count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
def url(server: S3Server) -> str:
    return server.url_of(f"bucket-{next(_COUNT)}", "/exports/of us")


@pytest.fixture
async def store(url: str) -> AsyncIterator[ObjectStore]:
    store = open_object_store(url)
    yield store
    await store.close()


class TestOnS3(ObjectStoreContract):
    @pytest.fixture
    async def other(self, url: str) -> AsyncIterator[ObjectStore]:
        other = open_object_store(url)
        yield other
        await other.close()

    @pytest.fixture
    async def failing(self) -> AsyncIterator[ObjectStore]:
        """Nobody listens there."""
        failing = open_object_store(f"s3+http://some-id:secret@127.0.0.1:{free_port()}/bucket")
        yield failing
        await failing.close()


async def test_what_others_keep_in_the_bucket_is_left_alone(server: S3Server) -> None:
    """Two prefixes of one bucket know nothing of each other."""
    bucket = f"bucket-{next(_COUNT)}"
    ours, theirs = (
        open_object_store(server.url_of(bucket, "/ours")),
        open_object_store(server.url_of(bucket, "/theirs")),
    )
    upload = await theirs.begin("a")
    tag = await theirs.put_part("a", upload, 1, b"theirs")
    await write(ours, "a", b"ours")

    assert await ours.abandon_before(FOREVER) == 0
    await theirs.finish("a", upload, [tag])
    await ours.remove("a")
    assert (await is_there(ours, "a"), await read(theirs, "a")) == (False, b"theirs")
    await ours.close()
    await theirs.close()
