"""Files in a folder of this machine.

    FOLDER/files/KEY                   whole files
    FOLDER/unfinished/KEY/NUMBER-TAG   the parts of an upload, each named by what is in it

Two processes at one upload, of which one does not know yet that it was overtaken, so never spoil each other's parts.
"""

import asyncio
import hashlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final, ParamSpec, TypeVar

from shared.domain.identifiers import Instant
from shared.object_store.interface import PIECE, NoSuchObject, ObjectStoreError, StoredObject, UploadLost, checked
from shared.runtime import clock

Args = ParamSpec("Args")
Result = TypeVar("Result")

_UPLOAD: Final = "1"  #: there is one of each key


class InFolder:
    """``folder`` is made when it is first written to, for its owner alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = folder / "files"
        self._unfinished = folder / "unfinished"

    async def begin(self, key: str) -> str:
        await _in_thread(_make_folders, self._folder, self._files, self._unfinished, self._parts_of(key))
        return _UPLOAD

    async def put_part(self, key: str, upload: str, number: int, data: bytes) -> str:
        tag = hashlib.sha256(data).hexdigest()
        await _in_thread(_write_part, self._parts_of(key) / _part_name(number, tag), data)
        return tag

    async def finish(self, key: str, upload: str, tags: Sequence[str]) -> None:
        parts = [self._parts_of(key) / _part_name(number, tag) for number, tag in enumerate(tags, start=1)]
        await _in_thread(_join, parts, self._files / checked(key))
        await self.abandon(key, upload)

    async def abandon(self, key: str, upload: str) -> None:
        await _in_thread(shutil.rmtree, self._parts_of(key), ignore_errors=True)

    async def size(self, key: str) -> int:
        return await _in_thread(_size, self._files / checked(key))

    @asynccontextmanager
    async def open(self, key: str) -> AsyncIterator[StoredObject]:
        file, size = await _in_thread(_open, self._files / checked(key))
        try:
            yield StoredObject(size, _pieces(file))
        finally:
            file.close()

    async def remove(self, key: str) -> None:
        await _in_thread(_remove, self._files / checked(key))

    async def abandon_before(self, moment: Instant, known: Collection[str] = ()) -> int:
        dated = Instant(moment + clock.of_host() - clock.now())
        return await _in_thread(_drop_older, self._unfinished, dated, frozenset(known))

    async def close(self) -> None:
        """Nothing is held open."""

    def _parts_of(self, key: str) -> Path:
        return self._unfinished / checked(key)


async def _in_thread(work: Callable[Args, Result], *args: Args.args, **named: Args.kwargs) -> Result:
    """Raises ObjectStoreError."""
    try:
        return await asyncio.to_thread(work, *args, **named)
    except OSError as error:
        raise ObjectStoreError(f"the folder of files: {error.strerror or type(error).__name__}") from error


def _part_name(number: int, tag: str) -> str:
    return f"{number:05d}-{tag}"


def _make_folders(*folders: Path) -> None:
    for folder in folders:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _write_part(path: Path, data: bytes) -> None:
    try:
        _write_whole(path, lambda file: file.write(data))
    except FileNotFoundError as error:
        raise UploadLost("the upload is no more") from error


def _join(parts: Sequence[Path], whole: Path) -> None:
    """Of what was finished before and asked for once more the parts are gone, and the file is there."""

    def copy(file: BinaryIO) -> None:
        for part in parts:
            with part.open("rb") as read:
                shutil.copyfileobj(read, file, PIECE)

    try:
        _write_whole(whole, copy)
    except FileNotFoundError as error:
        if not whole.exists():
            raise UploadLost("a part of the upload is no more") from error


def _write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """On the disk and under its name, or not at all."""
    handle, passing = tempfile.mkstemp(prefix=".", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        Path(passing).replace(path)
    except BaseException:
        Path(passing).unlink(missing_ok=True)
        raise
    _settle(path.parent)


def _settle(folder: Path) -> None:
    """A name is on the disk once its folder is."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError as error:
        raise NoSuchObject("there is no such file") from error


def _open(path: Path) -> tuple[BinaryIO, int]:
    try:
        file = path.open("rb")
    except FileNotFoundError as error:
        raise NoSuchObject("there is no such file") from error
    return file, os.fstat(file.fileno()).st_size


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    while piece := await _in_thread(file.read, PIECE):
        yield piece


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _drop_older(unfinished: Path, moment: Instant, known: frozenset[str]) -> int:
    """By when the last part was written; and what a crash left half written among the files."""
    dropped = 0
    with suppress(FileNotFoundError):
        for upload in unfinished.iterdir():
            if upload.name not in known and upload.stat().st_mtime < moment:
                shutil.rmtree(upload, ignore_errors=True)
                dropped += 1
        for passing in (unfinished.parent / "files").glob(".*"):
            if passing.stat().st_mtime < moment:
                passing.unlink(missing_ok=True)
    return dropped
