"""The keys that messages are signed with, opened once and kept."""

from collections import OrderedDict
from collections.abc import Sequence

from services.dispatcher.sending.statements import STATEMENTS
from shared.composing.dkim import DkimKey, load_key
from shared.postgres.database import Database, Row
from shared.sealing import dkim_context, open_sealed

KEPT = 256  #: opened keys kept at a time


class SigningKeys:
    """A key never changes. ``secrets``: what one of them may be sealed under."""

    def __init__(self, database: Database, secrets: Sequence[bytes]) -> None:
        self._database = database
        self._secrets = secrets
        self._kept: OrderedDict[int, DkimKey] = OrderedDict()

    async def of_task(self, task_id: int) -> list[DkimKey]:
        """Those settled when it started, in their order; none: it is not signed. Raises CannotOpen, DatabaseError."""
        rows = await self._database.fetch(STATEMENTS["keys_of_task"], task_id)
        return [self._opened(row) for row in rows]

    async def of_domain(self, account_id: int, domain: str, *, dns_check: bool) -> list[DkimKey]:
        """Those that sign today what the account sends from this domain. Raises CannotOpen, DatabaseError."""
        rows = await self._database.fetch(STATEMENTS["keys_of_domain"], account_id, domain, dns_check)
        return [self._opened(row) for row in rows]

    def _opened(self, row: Row) -> DkimKey:
        key = self._kept.pop(row["id"], None)
        if key is None:
            private = open_sealed(self._secrets, dkim_context(row["id"]), row["private_key"])
            key = DkimKey(row["domain"], row["selector"], row["algorithm"], load_key(row["algorithm"], private))
        self._kept[row["id"]] = key
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return key
