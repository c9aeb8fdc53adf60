"""What a dispatcher remembers of the store, beside its journals: a database that has gone back cannot say so itself."""

from contextlib import suppress
from pathlib import Path
from typing import Final

import orjson

from shared.domain.identifiers import Instant
from shared.postgres.store_standing import Seen

FILE: Final = "store.seen"


def recall(folder: Path) -> Seen | None:
    """None: nothing that can be read."""
    with suppress(FileNotFoundError, ValueError, KeyError, TypeError):
        epoch, alive_at, server = orjson.loads((folder / FILE).read_bytes())
        return Seen(int(epoch), Instant(float(alive_at)), int(server))
    return None


def remember(folder: Path, seen: Seen) -> None:
    """Raises OSError."""
    begun = folder / f"{FILE}.new"
    begun.write_bytes(orjson.dumps([seen.store_epoch, seen.alive_at, seen.server]))
    begun.rename(folder / FILE)
