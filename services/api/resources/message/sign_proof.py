"""Signs proofs with the keys of the domain that they come from, as a task that starts now would be."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from services.api.resources.domain.read import domain_of
from services.api.resources.message.read import QUERIES
from shared.composing.dkim import DkimKey, MessageSigner, load_key
from shared.notices.record import NewNotice
from shared.postgres.database import Database, Row
from shared.sealing import dkim_context, open_sealed


async def signed(
    database: Database,
    secrets: Sequence[bytes],
    notices: Sequence[NewNotice],
    from_email: str,
    time: float,
    *,
    dns_check: bool,
) -> list[NewNotice]:
    """``notices``: emails of one account. Where the From domain has no keys here they stay as they are.

    Raises CannotOpen, DatabaseError.
    """
    account_id = notices[0].account_id
    rows = await database.fetch(QUERIES["keys_of_from"], account_id, domain_of(from_email), dns_check)
    return await asyncio.to_thread(_sign, rows, secrets, notices, time) if rows else list(notices)


def _sign(rows: Sequence[Row], secrets: Sequence[bytes], notices: Sequence[NewNotice], time: float) -> list[NewNotice]:
    """For another thread than that of the loop: a signature takes a millisecond."""
    keys = [_opened(row, secrets) for row in rows]
    contents = [notice.content.encode() if isinstance(notice.content, str) else notice.content for notice in notices]
    signer = MessageSigner(keys, contents[0], time)
    return [replace(notice, content=signer.sign(content)) for notice, content in zip(notices, contents, strict=True)]


def _opened(row: Row, secrets: Sequence[bytes]) -> DkimKey:
    private = open_sealed(secrets, dkim_context(row["id"]), row["private_key"])
    return DkimKey(row["domain"], row["selector"], row["algorithm"], load_key(row["algorithm"], private))
