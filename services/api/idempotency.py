"""A repeated POST makes nothing twice: its first answer is kept in the transaction of its events."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import orjson

from services.api.authenticate import QUERIES
from services.api.operation import Answer
from services.api.problem import Problem, conflict
from shared.event_store.interface import Write
from shared.postgres.database import Database

HEADER: Final = "Idempotency-Key"
CONSTRAINT: Final = "idempotency_pkey"

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Repeatable:
    """One POST with its key; the same key and other content is another request under the same name."""

    account_id: int
    method: str
    path: str
    key: str
    body_hash: bytes

    @property
    def name(self) -> tuple[int, str, str, str]:
        return (self.account_id, self.method, self.path, self.key)

    def remember(self, answer: Answer) -> tuple[Write, ...]:
        body = orjson.dumps(answer.body)
        told = (answer.status, dict(answer.headers), body, list(answer.about) or None)
        return (Write(QUERIES["keep_answer"], (*self.name, self.body_hash, *told)),)


def is_key(text: str) -> bool:
    return _KEY.fullmatch(text) is not None


def body_hash(media: str, body: bytes) -> bytes:
    return hashlib.sha256(media.encode() + b"\n" + body).digest()


async def first_answer(database: Database, post: Repeatable) -> Answer | Problem | None:
    """What the first request under this key was answered; None: there was none."""
    row = await database.fetch_row(QUERIES["first_answer"], *post.name)
    if row is None:
        return None
    if row["body_hash"] != post.body_hash:
        return conflict(f"this {HEADER} was used with another body")
    return Answer(row["body"], row["status"], row["headers"])


Remember = Callable[[Answer], tuple[Write, ...]]


def forget(_: Answer) -> tuple[Write, ...]:
    """For a request without a key: nothing is kept."""
    return ()
