"""What a data folder keeps secret from one start to the next: files that only their owner may read."""

import base64
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import orjson

from services.api.keys import CreatedKey
from shared.runtime.clock import random_bytes

_SECRET_BYTES = 32


def signing_secret(data: Path) -> bytes:
    """The POSTROOM_SECRET of this folder, made when there is none: another one would void every link and every key."""
    path = data / "secret"
    if not path.exists():
        _write(path, base64.b64encode(random_bytes(_SECRET_BYTES)))
    return base64.b64decode(path.read_bytes(), validate=True)


async def operator_key(data: Path, create: Callable[[], Awaitable[CreatedKey]]) -> CreatedKey:
    """The operator's key and secrets of this folder, by ``create`` when there are none."""
    path = data / "operator.json"
    if not path.exists():
        _write(path, orjson.dumps(await create(), option=orjson.OPT_INDENT_2))
    kept: CreatedKey = orjson.loads(path.read_bytes())
    return kept


def _write(path: Path, content: bytes) -> None:
    """All or nothing: a half-written secret would be taken for one at the next start."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
