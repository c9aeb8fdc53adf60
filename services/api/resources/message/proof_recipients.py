"""Who gets a proof, and whose values it shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.api.resources.message.read import QUERIES
from shared.composing.fill_message import RecipientData
from shared.domain.addresses import read_email, read_telephone
from shared.domain.identifiers import Channel
from shared.domain.message_class import MessageClass
from shared.domain.refusal import Fault, Refused
from shared.postgres.database import Database
from shared.suppression.address_hash import AddressHashes
from shared.suppression.find import reasons_against_in


@dataclass(frozen=True, slots=True)
class Sample:
    """Whose values a proof shows."""

    vars: Mapping[str, Any] = field(default_factory=dict)
    subscriber_id: int | None = None
    email: str = ""
    telephone: str | None = None

    def seen_by(self, channel: Channel, address: str) -> RecipientData:
        """With the address that it goes to in place of the subscriber's own."""
        if channel == "sms":
            return RecipientData(self.email, address, self.vars)
        return RecipientData(address, self.telephone, self.vars)


def read_addresses(given: Sequence[str], channel: Channel) -> list[str] | list[Fault]:
    """As they are written to; or what is wrong with each."""
    read = [read_telephone(text) if channel == "sms" else read_email(text) for text in given]
    addresses = [each for each in read if isinstance(each, str)]
    faults = [Fault(f"to.{place}", each.message) for place, each in enumerate(read) if isinstance(each, Fault)]
    if faults:
        return faults
    folded = [address.lower() for address in addresses]
    twice = [place for place, address in enumerate(folded) if address in folded[:place]]
    return [Fault(f"to.{place}", "is given twice") for place in twice] or addresses


async def read_sample(database: Database, account_id: int, subscriber_id: int) -> Sample | None:
    row = await database.fetch_row(QUERIES["sample"], account_id, subscriber_id)
    return Sample(row["vars"], row["id"], row["email"] or "", row["telephone"]) if row else None


async def read_owners(
    database: Database, account_id: int, channel: Channel, addresses: Sequence[str]
) -> list[int | None]:
    """The subscriber who has each address."""
    emails, numbers = (addresses, []) if channel == "email" else ([], addresses)
    rows = await database.fetch(QUERIES["owners"], account_id, [email.lower() for email in emails], numbers)
    known = {row["address"]: row["id"] for row in rows}
    return [known.get(address.lower()) for address in addresses]


async def refuse_suppressed(
    database: Database,
    hashes: AddressHashes,
    account_id: int,
    channel: Channel,
    addresses: Sequence[str],
    message_class: MessageClass,
) -> Refused | None:
    """A proof is a message too: whoever said stop, complained or bounced gets none."""
    async with database.transaction() as connection:
        found = await reasons_against_in(connection, hashes, account_id, channel, addresses, message_class)
    if not found:
        return None
    faults = [
        Fault(f"to.{place}", f"is suppressed: {found[address]}")
        for place, address in enumerate(addresses)
        if address in found
    ]
    return Refused("conflict", tuple(faults))
