"""The store in a folder keeps the promises of every object store."""

import os
import stat
from pathlib import Path

import pytest

from shared.domain.identifiers import Instant
from shared.object_store.in_folder import InFolder
from shared.object_store.interface import ObjectStore, ObjectStoreError, UploadLost
from shared.object_store.opening import open_object_store
from tests.contract.object_store_contract import FOREVER, ObjectStoreContract, is_there, write

HOUR = 3600.0
NOON = Instant(1_800_000_000.0)


class TestInFolder(ObjectStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> ObjectStore:
        return open_object_store(f"file://{tmp_path}/made%20later")

    @pytest.fixture
    def other(self, tmp_path: Path) -> ObjectStore:
        return InFolder(tmp_path / "made later")

    @pytest.fixture
    def failing(self, tmp_path: Path) -> ObjectStore:
        (tmp_path / "file").write_text("no folder")
        return InFolder(tmp_path / "file")


async def test_only_the_owner_may_read_what_is_kept(tmp_path: Path) -> None:
    """Exports hold what is known of people."""
    await write(InFolder(tmp_path / "store"), "a", b"x")
    kept = list((tmp_path / "store").rglob("*"))

    assert [path.name for path in kept if stat.S_IMODE(path.stat().st_mode) & 0o077] == []
    assert sorted(path.name for path in kept) == ["a", "files", "unfinished"]


async def test_what_a_crash_left_half_joined_goes_with_the_old_uploads(tmp_path: Path) -> None:
    """And younger work stays: by when it was last written to."""
    store = InFolder(tmp_path)
    await write(store, "done", b"x")
    for name, age in (("old", HOUR), ("young", 0)):
        await store.begin(name)
        passing = tmp_path / "files" / f".{name}"
        passing.write_bytes(b"half")
        for path in (passing, tmp_path / "unfinished" / name):
            os.utime(path, (NOON - age, NOON - age))

    assert await store.abandon_before(Instant(NOON - HOUR / 2)) == 1
    assert sorted(path.name for path in (tmp_path / "files").iterdir()) == [".young", "done"]
    assert [path.name for path in (tmp_path / "unfinished").iterdir()] == ["young"]
    assert await is_there(store, "done")


async def test_an_upload_whose_parts_are_gone_is_not_finished(tmp_path: Path) -> None:
    store = InFolder(tmp_path)
    upload = await store.begin("a")
    tag = await store.put_part("a", upload, 1, b"x")
    await store.abandon("a", upload)

    with pytest.raises(UploadLost):
        await store.finish("a", upload, [tag])
    with pytest.raises(UploadLost):
        await store.put_part("a", upload, 2, b"y")
    assert not await is_there(store, "a")


async def test_a_folder_that_is_not_there_yet_has_nothing_to_clear(tmp_path: Path) -> None:
    assert await InFolder(tmp_path / "none").abandon_before(FOREVER) == 0


async def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither under the name of the part nor beside it."""
    store = InFolder(tmp_path)
    upload = await store.begin("a")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ObjectStoreError, match="No space left"):
        await store.put_part("a", upload, 1, b"x")
    assert list((tmp_path / "unfinished" / "a").iterdir()) == []
