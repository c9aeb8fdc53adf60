"""Where files are kept: written part by part, there whole or not at all, read as a stream.

An upload is known by its key and the text that ``begin`` answers; with both, and with the tags of its parts, another
process can go on with it after a crash. Until it is finished nobody can read anything of it.
"""

import re
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, Protocol

from shared.domain.identifiers import Instant

LEAST_PART: Final = 5 * 1_048_576  #: bytes of every part but the last: S3 takes no smaller ones
MOST_PARTS: Final = 10_000  #: of one file, as S3 has it
PIECE: Final = 262_144  #: bytes read at once

#: No separator, no dot: a key names one file of the store and never a way to another.
_KEY: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,127}")


class ObjectStoreError(Exception):
    """The store cannot be reached or refused us. The words name no key and no credentials."""


class NoSuchObject(ObjectStoreError):
    """There is no file of this key: never finished, or removed."""


class UploadLost(ObjectStoreError):
    """The upload is gone, or a part of it is not what it was: it must be begun anew."""


class BadKey(ValueError):
    """A key that names no file."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    size: int  #: bytes
    pieces: AsyncIterator[bytes]


class ObjectStore(Protocol):
    """All raise ObjectStoreError, and BadKey for what is no key. Repeating any of them is harmless."""

    async def begin(self, key: str) -> str:
        """Opens an upload."""
        ...

    async def put_part(self, key: str, upload: str, number: int, data: bytes) -> str:
        """The tag of the part. ``number``: from 1; the same number again is another try. Raises UploadLost."""
        ...

    async def finish(self, key: str, upload: str, tags: Sequence[str]) -> None:
        """Makes the file of the parts with these tags, numbered from 1: at once, or not at all. Raises UploadLost."""
        ...

    async def abandon(self, key: str, upload: str) -> None:
        """Forgets the parts of an upload that will not be finished."""
        ...

    async def size(self, key: str) -> int:
        """Bytes. Raises NoSuchObject."""
        ...

    def open(self, key: str) -> AbstractAsyncContextManager[StoredObject]:
        """Raises NoSuchObject."""
        ...

    async def remove(self, key: str) -> None: ...

    async def abandon_before(self, moment: Instant, known: Collection[str] = ()) -> int:
        """Forgets the uploads begun before that which nobody knows of any more; answers how many. ``known``: keys."""
        ...

    async def close(self) -> None: ...


def checked(key: str) -> str:
    """Raises BadKey."""
    if not _KEY.fullmatch(key):
        raise BadKey("a key is of lower-case letters, digits and hyphens")
    return key
