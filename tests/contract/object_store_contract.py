"""What every object store promises. An adapter's test file inherits this and says how to build one."""

import pytest

from shared.domain.identifiers import Instant
from shared.object_store.interface import (
    LEAST_PART,
    PIECE,
    BadKey,
    NoSuchObject,
    ObjectStore,
    ObjectStoreError,
    UploadLost,
)

FULL = b"f" * LEAST_PART
FOREVER = Instant(4_000_000_000.0)


async def read(store: ObjectStore, key: str) -> bytes:
    async with store.open(key) as stored:
        data = b"".join([piece async for piece in stored.pieces])
    assert len(data) == stored.size
    return data


async def write(store: ObjectStore, key: str, *parts: bytes) -> None:
    upload = await store.begin(key)
    tags = [await store.put_part(key, upload, number, data) for number, data in enumerate(parts, start=1)]
    await store.finish(key, upload, tags)


async def is_there(store: ObjectStore, key: str) -> bool:
    try:
        await read(store, key)
    except NoSuchObject:
        return False
    return True


class ObjectStoreContract:
    async def test_a_file_is_read_as_its_parts_were_written(self, store: ObjectStore) -> None:
        """In the order of their numbers."""
        await write(store, "a", FULL, b"and the rest")

        assert await read(store, "a") == FULL + b"and the rest"

    async def test_a_file_of_one_small_part_is_a_file(self, store: ObjectStore) -> None:
        await write(store, "a", b"x")

        assert await read(store, "a") == b"x"

    async def test_a_file_is_read_in_pieces(self, store: ObjectStore) -> None:
        """No process holds the whole of it."""
        await write(store, "a", FULL)
        async with store.open("a") as stored:
            sizes = [len(piece) async for piece in stored.pieces]

        assert max(sizes) <= PIECE
        assert sum(sizes) == LEAST_PART

    async def test_nothing_is_there_before_the_upload_is_finished(self, store: ObjectStore) -> None:
        upload = await store.begin("a")
        tag = await store.put_part("a", upload, 1, b"x")
        before = await is_there(store, "a")
        await store.finish("a", upload, [tag])

        assert (before, await is_there(store, "a")) == (False, True)

    async def test_another_process_goes_on_with_an_upload(self, store: ObjectStore, other: ObjectStore) -> None:
        """With nothing but its key, its id and the tags."""
        upload = await store.begin("a")
        first = await store.put_part("a", upload, 1, FULL)
        second = await other.put_part("a", upload, 2, b"rest")
        await other.finish("a", upload, [first, second])

        assert await read(store, "a") == FULL + b"rest"

    async def test_a_part_that_is_put_again_counts_once(self, store: ObjectStore) -> None:
        upload = await store.begin("a")
        await store.put_part("a", upload, 1, b"a try that nobody remembers")
        tag = await store.put_part("a", upload, 1, b"x")
        await store.finish("a", upload, [tag])

        assert await read(store, "a") == b"x"

    async def test_finishing_once_more_changes_nothing(self, store: ObjectStore) -> None:
        """Whoever died between the finish and the note of it finishes again."""
        upload = await store.begin("a")
        tag = await store.put_part("a", upload, 1, b"x")
        await store.finish("a", upload, [tag])
        await store.finish("a", upload, [tag])

        assert await read(store, "a") == b"x"

    async def test_nothing_is_left_of_an_abandoned_upload(self, store: ObjectStore) -> None:
        upload = await store.begin("a")
        await store.put_part("a", upload, 1, b"x")
        await store.abandon("a", upload)
        await store.abandon("a", upload)

        assert await store.abandon_before(FOREVER) == 0
        assert not await is_there(store, "a")

    async def test_a_part_that_nobody_put_is_missed(self, store: ObjectStore) -> None:
        """Rather a file begun anew than one with a gap."""
        upload = await store.begin("a")
        tag = await store.put_part("a", upload, 1, FULL)
        wrong = tag[:-3] + ("000" if tag[-3:] != "000" else "111")

        with pytest.raises(UploadLost):
            await store.finish("a", upload, [tag, wrong])
        assert not await is_there(store, "a")

    async def test_a_removed_file_is_gone(self, store: ObjectStore) -> None:
        """And removing what is gone is no fault."""
        await write(store, "a", b"x")
        await write(store, "b", b"y")
        await store.remove("a")
        await store.remove("a")

        assert (await is_there(store, "a"), await is_there(store, "b")) == (False, True)

    async def test_what_nobody_finished_is_cleared_away(self, store: ObjectStore) -> None:
        """Uploads alone; files stay until they are removed by name."""
        await write(store, "a", b"x")
        upload = await store.begin("b")
        await store.put_part("b", upload, 1, b"y")

        assert await store.abandon_before(FOREVER) == 1
        assert await store.abandon_before(FOREVER) == 0
        assert await is_there(store, "a")

    async def test_what_somebody_goes_on_with_is_left_alone(self, store: ObjectStore) -> None:
        """However old it is."""
        known, unknown = await store.begin("known"), await store.begin("unknown")
        tag = await store.put_part("known", known, 1, b"x")
        await store.put_part("unknown", unknown, 1, b"y")

        assert await store.abandon_before(FOREVER, {"known"}) == 1
        await store.finish("known", known, [tag])
        assert await is_there(store, "known")

    async def test_an_upload_begun_later_is_left_alone(self, store: ObjectStore) -> None:
        upload = await store.begin("a")
        tag = await store.put_part("a", upload, 1, b"x")

        assert await store.abandon_before(Instant(1.0)) == 0
        await store.finish("a", upload, [tag])
        assert await is_there(store, "a")

    @pytest.mark.parametrize(
        "key",
        ["", "..", ".", "../a", "a/b", "/etc/passwd", "a\\b", "a\x00", "a\n", "A", "-a", "a.csv", "%2e%2e", "a" * 129],
        ids=ascii,
    )
    async def test_a_key_is_no_way_to_another_file(self, store: ObjectStore, key: str) -> None:
        with pytest.raises(BadKey):
            await store.begin(key)
        with pytest.raises(BadKey):
            await store.put_part(key, "1", 1, b"x")
        with pytest.raises(BadKey):
            await store.finish(key, "1", ["x"])
        with pytest.raises(BadKey):
            await store.remove(key)
        with pytest.raises(BadKey):
            async with store.open(key):
                pass

    async def test_a_store_that_fails_says_so_without_names(self, failing: ObjectStore) -> None:
        """Neither key nor place nor credentials stand in what is logged."""
        with pytest.raises(ObjectStoreError) as raised:
            await failing.begin("secretkey")

        assert not any(word in str(raised.value) for word in ("secretkey", "some-id", "secret", "/"))
