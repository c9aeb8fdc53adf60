"""Where the inbox keeps its mail: one SQLite file, so that memory stays flat and a restart finds everything again."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.domain.identifiers import INT63_MAX, Channel, Instant
from shared.postgres.named_queries import load_queries

KEEP = 100_000  #: mails; older ones make room

_QUERIES = load_queries(Path(__file__).with_name("queries.sql"))
_FORGET_EVERY = 1_000


@dataclass(frozen=True, slots=True)
class StoredMail:
    id: int
    received: Instant
    channel: Channel
    sender: str  #: of the envelope
    recipients: tuple[str, ...]  #: of the envelope
    content: bytes
    receipt: str | None = None  #: what was told of an SMS; None: nothing so far


class MailStore:
    """Addresses are compared without regard to case. For one thread; a call takes some microseconds a mail."""

    def __init__(self, path: Path, keep: int = KEEP) -> None:
        self._keep = keep
        path.touch(mode=0o600)  # mail is for whoever runs this
        self._file = sqlite3.connect(path, isolation_level=None)
        # Mail here is only to be looked at: it outlives the process, and need not outlive a crash of the machine.
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute("PRAGMA synchronous = OFF")
        self._file.executescript(_QUERIES["schema"])

    def add(self, received: Instant, channel: Channel, sender: str, recipients: Sequence[str], content: bytes) -> int:
        """Its id."""
        self._file.execute("BEGIN")
        row = (received, channel, sender, json.dumps(recipients), content)
        mail_id = self._file.execute(_QUERIES["add_mail"], row).lastrowid or 0
        self._file.executemany(_QUERIES["add_recipient"], [(address.lower(), mail_id) for address in recipients])
        self._file.execute("COMMIT")
        if mail_id % _FORGET_EVERY == 0:
            self.forget_before(mail_id - self._keep + 1)
        return mail_id

    def add_receipt(self, mail_id: int, status: str) -> None:
        self._file.execute(_QUERIES["add_receipt"], {"id": mail_id, "status": status})

    def forget_before(self, oldest: int) -> None:
        for name in ("forget_recipients", "forget_receipts", "forget_mails"):
            self._file.execute(_QUERIES[name], {"oldest": oldest})

    def count(self, to: str | None = None) -> int:
        name = "count_all" if to is None else "count_to"
        (count,) = self._file.execute(_QUERIES[name], {"to": (to or "").lower()}).fetchone()
        return int(count)

    def after(self, mail_id: int, count: int, to: str | None = None) -> list[StoredMail]:
        """The next ``count`` that came after this one; 0 begins with the first."""
        return self._find("after", {"after": mail_id, "count": count}, to)

    def before(self, mail_id: int | None, count: int, to: str | None = None) -> list[StoredMail]:
        """The ``count`` that came last before this one, newest first; None begins with the newest."""
        return self._find("before", {"before": INT63_MAX if mail_id is None else mail_id, "count": count}, to)

    def one(self, mail_id: int) -> StoredMail | None:
        return next(iter(self._find("one", {"id": mail_id}, None)), None)

    def close(self) -> None:
        self._file.close()

    def _find(self, name: str, arguments: dict[str, object], to: str | None) -> list[StoredMail]:
        query = _QUERIES[name if to is None else f"{name}_to"]
        rows = self._file.execute(query, {**arguments, "to": (to or "").lower()})
        return [
            StoredMail(mail_id, Instant(received), channel, sender, tuple(json.loads(recipients)), content, receipt)
            for mail_id, received, channel, sender, recipients, content, receipt in rows
        ]
