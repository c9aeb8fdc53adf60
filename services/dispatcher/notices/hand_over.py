"""What is looked up of a notice right before it is handed over: whether it may go out, and its signatures."""

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

from services.dispatcher.decisions.read_from_domain import read_from_domain
from services.dispatcher.notices.held_notice import HeldNotice
from services.dispatcher.sending.load_keys import SigningKeys
from shared.composing.dkim import SIGNATURE, DkimKey, MessageSigner
from shared.domain.notice import class_of
from shared.postgres.database import Database
from shared.suppression.address_hash import AddressHashes
from shared.suppression.find import reasons_against_in

_FIRST_ATTEMPT: Final = 1


@dataclass(frozen=True, slots=True)
class HandOver:
    """``dns_check``: a key signs only once DNS shows it."""

    database: Database
    hashes: AddressHashes
    keys: SigningKeys
    signing: Executor
    dns_check: bool

    async def reason_against(self, notice: HeldNotice) -> str | None:
        """Why whoever it is for must not get it any more, by the rules of tasks. Raises DatabaseError."""
        message_class = class_of(notice.purpose)
        if message_class is None:
            return None
        channel, address = notice.channel, notice.address
        async with self.database.transaction() as connection:
            found = await reasons_against_in(
                connection, self.hashes, notice.account_id, channel, [address], message_class
            )
        return found.get(address)

    async def signed(self, notice: HeldNotice) -> bytes | None:
        """The content with the signatures of its From domain, where the account has keys for it; None: it goes as it
        stands. Raises CannotOpen, DatabaseError.

        Asked once: what was sent at the first attempt, signed or not, is what its row has from then on.
        """
        if notice.channel != "email" or notice.attempt > _FIRST_ATTEMPT or notice.content.startswith(SIGNATURE):
            return None
        domain = read_from_domain(notice.content)
        if domain is None:
            return None
        keys = await self.keys.of_domain(notice.account_id, domain, dns_check=self.dns_check)
        if not keys:
            return None
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.signing, _sign, keys, notice.content, notice.made_at)


def _sign(keys: list[DkimKey], content: bytes, time: float) -> bytes:
    return MessageSigner(keys, content, time).sign(content)
