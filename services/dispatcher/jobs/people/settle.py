"""Finds out who the lines of a chunk are about, and makes them known: all of a chunk at once, in the database."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.dispatcher.decisions.merge_people import OTHERS, PersonWish
from services.dispatcher.jobs.held_job import HeldJob, RowFault
from services.dispatcher.jobs.people.statements import STATEMENTS
from services.dispatcher.jobs.work import JobTools
from shared.domain.identifiers import Channel
from shared.domain.suppression import WISHES
from shared.postgres.database import Connection
from shared.suppression.address_hash import AddressHashes
from shared.suppression.find import Found, Hashed, find_hashed_in, hash_addresses, link_in, share_addresses_in

_AGAIN = "names the same subscriber as another line"


@dataclass(frozen=True, slots=True)
class Settled:
    """Ids of subscribers; ``skipped``: people who were left as they were. ``all_new``: none of them was known."""

    created: Sequence[int]
    updated: Sequence[int]
    skipped: int
    faults: Sequence[RowFault]
    all_new: bool = False


@dataclass(frozen=True, slots=True)
class People:
    """The wishes of a chunk, with the hashes of their addresses."""

    wishes: Sequence[PersonWish]
    hashed: Hashed


def hashed_people(hashes: AddressHashes, account_id: int, wishes: Sequence[PersonWish]) -> People:
    emails: list[tuple[Channel, str]] = [("email", wish.email) for wish in wishes if wish.email]
    telephones: list[tuple[Channel, str]] = [("sms", wish.telephone) for wish in wishes if wish.telephone]
    return People(wishes, hash_addresses(hashes, account_id, [*emails, *telephones]))


async def settle_people(
    connection: Connection, tools: JobTools, job: HeldJob, people: People, held_list: int | None
) -> Settled:
    """Fills the table ``settled`` and adds or changes the subscribers themselves.

    ``held_list``: whoever has left this list, opted out or is suppressed is left alone; None: all are changed.
    Raises UniqueViolation if somebody else added one of them just now: to be tried again as a whole.
    """
    account_id, wishes = job.account_id, people.wishes
    await share_addresses_in(connection, account_id)
    suppressed = await find_hashed_in(connection, account_id, people.hashed)
    skipped = _skipped(wishes, suppressed, held_list) | await _erased(connection, job, people)
    await connection.execute(STATEMENTS["open_staging"])
    await connection.execute(STATEMENTS["go_by_index"])
    await connection.copy_rows("incoming", _COLUMNS, _rows(wishes, skipped))
    known: int = await connection.fetch_value(STATEMENTS["lock_known"], account_id)
    if known:
        await connection.execute(STATEMENTS["settle"], account_id, held_list)
        await connection.execute(STATEMENTS["change_known"])
    else:
        await connection.execute(STATEMENTS["settle_new"])
    await connection.execute(STATEMENTS["add_new"], account_id, tools.now())
    await _link(connection, wishes, suppressed)
    [row] = await connection.fetch(STATEMENTS["what_happened"])
    faults = [RowFault(line, OTHERS) for line in row["others"]] + [RowFault(line, _AGAIN) for line in row["again"]]
    return Settled(row["created"], row["updated"], row["skipped"], faults, all_new=not known)


_COLUMNS = ("line", "email", "telephone", "vars", "optout", "suppressed")


def _rows(wishes: Iterable[PersonWish], skipped: frozenset[int]) -> Iterable[tuple[object, ...]]:
    return [
        (wish.line, wish.email, wish.telephone, wish.vars or None, wish.update.optout, wish.line in skipped)
        for wish in wishes
    ]


def _skipped(wishes: Iterable[PersonWish], suppressed: Iterable[Found], list_id: int | None) -> frozenset[int]:
    """By line: of one of whose addresses the owner said no, or none of whose addresses may be written to."""
    concerning = [found for found in suppressed if found.list_id in (None, list_id)]
    held = {(found.channel, found.address) for found in concerning}
    if not held:
        return frozenset()
    refused = {(found.channel, found.address) for found in concerning if found.reason in WISHES}
    return frozenset(wish.line for wish in wishes if _addresses(wish) & refused or _addresses(wish) <= held)


async def _erased(connection: Connection, job: HeldJob, people: People) -> frozenset[int]:
    """By line: of whom somebody has erased since the job was posted. It must not bring him back."""
    gone = {
        row["hash"] for row in await connection.fetch(STATEMENTS["erased_since_posted"], job.account_id, job.number)
    }
    if not gone:
        return frozenset()
    hashed = people.hashed
    told = zip(hashed.places, hashed.digests, strict=True)
    addresses = {hashed.addresses[place] for place, digest in told if digest in gone}
    return frozenset(wish.line for wish in people.wishes if _addresses(wish) & addresses)


def _addresses(wish: PersonWish) -> set[tuple[Channel, str]]:
    known: tuple[tuple[Channel, str | None], ...] = (("email", wish.email), ("sms", wish.telephone))
    return {(channel, address) for channel, address in known if address}


async def _link(connection: Connection, wishes: Iterable[PersonWish], suppressed: Sequence[Found]) -> None:
    """What stands against an address applies to whoever has it now."""
    if not suppressed:
        return
    lines = {address: wish.line for wish in wishes for address in _addresses(wish)}
    rows = await connection.fetch(STATEMENTS["owners"], sorted(set(lines.values())))
    owners = {row["line"]: row["subscriber_id"] for row in rows}
    owned = [
        (found.id, owner, found.address)
        for found in suppressed
        if (owner := owners.get(lines[found.channel, found.address])) is not None and owner != found.subscriber_id
    ]
    await link_in(connection, owned)
