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
from shared.suppression.find import Found, find_in, link_in, share_addresses_in

_AGAIN = "names the same subscriber as another line"


@dataclass(frozen=True, slots=True)
class Settled:
    """Ids of subscribers; ``skipped``: people who were left as they were."""

    created: Sequence[int]
    updated: Sequence[int]
    skipped: int
    faults: Sequence[RowFault]


async def settle_people(
    connection: Connection, tools: JobTools, job: HeldJob, wishes: Sequence[PersonWish], held_list: int | None
) -> Settled:
    """Fills the table ``settled`` and adds or changes the subscribers themselves.

    ``held_list``: whoever has left this list, opted out or is suppressed is left alone; None: all are changed.
    Raises UniqueViolation if somebody else added one of them just now: to be tried again as a whole.
    """
    account_id = job.account_id
    await share_addresses_in(connection, account_id)
    suppressed = await _suppressed(connection, tools, account_id, wishes)
    skipped = _skipped(wishes, suppressed, held_list)
    await connection.execute(STATEMENTS["open_staging"])
    await connection.execute(STATEMENTS["go_by_index"])
    await connection.copy_rows("incoming", _COLUMNS, _rows(wishes, skipped))
    if await connection.fetch_value(STATEMENTS["lock_known"], account_id):
        await connection.execute(STATEMENTS["settle"], account_id, held_list)
        await connection.execute(STATEMENTS["change_known"])
    else:
        await connection.execute(STATEMENTS["settle_new"])
    await connection.execute(STATEMENTS["add_new"], account_id, tools.now())
    await _link(connection, wishes, suppressed)
    [row] = await connection.fetch(STATEMENTS["what_happened"])
    faults = [RowFault(line, OTHERS) for line in row["others"]] + [RowFault(line, _AGAIN) for line in row["again"]]
    return Settled(row["created"], row["updated"], row["skipped"], faults)


_COLUMNS = ("line", "email", "telephone", "vars", "optout", "suppressed")


def _rows(wishes: Iterable[PersonWish], skipped: frozenset[int]) -> Iterable[tuple[object, ...]]:
    return [
        (wish.line, wish.email, wish.telephone, wish.vars or None, wish.update.optout, wish.line in skipped)
        for wish in wishes
    ]


async def _suppressed(
    connection: Connection, tools: JobTools, account_id: int, wishes: Sequence[PersonWish]
) -> list[Found]:
    emails: list[tuple[Channel, str]] = [("email", wish.email) for wish in wishes if wish.email]
    telephones: list[tuple[Channel, str]] = [("sms", wish.telephone) for wish in wishes if wish.telephone]
    return await find_in(connection, tools.hashes, account_id, [*emails, *telephones])


def _skipped(wishes: Iterable[PersonWish], suppressed: Iterable[Found], list_id: int | None) -> frozenset[int]:
    """By line: of one of whose addresses the owner said no, or none of whose addresses may be written to."""
    concerning = [found for found in suppressed if found.list_id in (None, list_id)]
    held = {(found.channel, found.address) for found in concerning}
    if not held:
        return frozenset()
    refused = {(found.channel, found.address) for found in concerning if found.reason in WISHES}
    return frozenset(wish.line for wish in wishes if _addresses(wish) & refused or _addresses(wish) <= held)


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
