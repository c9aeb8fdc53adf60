"""Which tasks are asked for, in which order and from where: fixed words put together, values as arguments. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from services.api.authenticate import Caller
from services.api.fields import LATEST
from services.api.paging import Place, bad_cursor, read_cursor
from services.api.resources.task.schema import TaskQuery
from shared.domain.refusal import Refused
from shared.postgres.database import Row

_EARLIEST: Final = -200_000_000_000.0  #: unix seconds, some millennia before anything was sent

SqlType = Literal["bigint", "text", "float8"]
Key: TypeAlias = str | float | None

_STATES: Final = ("cancelled", "completed", "channel")
_EVERY: Final[Mapping[str, str]] = {"cancelled": "false,true", "completed": "false,true", "channel": "email,sms"}


_OF_USER: Final = "message_id IN (SELECT id FROM message WHERE account_id = {account} AND user_id = {user})"


@dataclass(frozen=True, slots=True)
class Order:
    """``key``: what is sorted by, as its index has it. ``given``: the key of a cursor, made comparable to it."""

    key: str
    given: str
    type: SqlType


#: A task without an end sorts as if it ended never.
_ORDERS: Final[Mapping[str, Order]] = {
    "id": Order("id", "{}", "bigint"),
    "name": Order('name COLLATE "C"', "{}", "text"),
    "scheduledtime": Order("scheduledtime", "to_timestamp({})", "float8"),
    "endtime": Order("coalesce(endtime, 'infinity')", "to_timestamp(coalesce({}, 'infinity'))", "float8"),
    "cdate": Order("cdate", "to_timestamp({})", "float8"),
}


class Arguments:
    """The values of a statement, each known by its number in it."""

    def __init__(self) -> None:
        self.values: list[object] = []

    def add(self, value: object, type_name: str) -> str:
        self.values.append(value)
        return f"${len(self.values)}::{type_name}"


@dataclass(frozen=True, slots=True)
class Start:
    """The last row of the page before: its key and its id."""

    key: Key
    last: int


def fits(caller: Caller, query: TaskQuery, arguments: Arguments) -> str:
    """The condition of all filters, and of what the caller may see."""
    account = arguments.add(caller.account_id, "bigint")
    conditions = [f"account_id = {account}"]
    if caller.only_of_user is not None:
        user = arguments.add(caller.only_of_user, "bigint")
        conditions.append(_OF_USER.format(account=account, user=user))
    conditions += _states(query)
    for attribute, type_name in (("id", "bigint"), ("message_id", "bigint"), ("name", "text")):
        if (wanted := getattr(query, attribute)) is not None:
            collation = ' COLLATE "C"' if attribute == "name" else ""
            conditions.append(f"{attribute}{collation} = {arguments.add(wanted, type_name)}")
    if query.list_id is not None:
        conditions.append(f"list_id = {arguments.add(query.list_id, 'bigint')}")
    elif "list_id" in query.model_fields_set:
        conditions.append("list_id IS NULL")
    return " AND ".join(conditions)


def _states(query: TaskQuery) -> list[str]:
    """All three as soon as one is asked for: their index begins with those that are not. Their values are words of
    ours and stand in the statement, so that it is planned for them.
    """
    wanted = {name: getattr(query, name) for name in _STATES if getattr(query, name) is not None}
    return [f"{name} = ANY ('{{{_word(wanted.get(name), _EVERY[name])}}}')" for name in _STATES] if wanted else []


def _word(wanted: bool | str | None, every: str) -> str:
    return every if wanted is None else str(wanted).lower()


def page_words(caller: Caller, query: TaskQuery, start: Start | None, arguments: Arguments) -> dict[str, str]:
    """The words of the statement ``task_page`` but how it is read."""
    order, falling = _ORDERS[query.sort.removeprefix("-")], query.sort.startswith("-")
    words = {"key": order.key, "direction": "DESC" if falling else "ASC", "fits": fits(caller, query, arguments)}
    beyond = "true"
    if start is not None:
        key = order.given.format(arguments.add(start.key, order.type))
        beyond = f"(sort_key, id) {'<' if falling else '>'} ({key}, {arguments.add(start.last, 'bigint')})"
    return {**words, "beyond": beyond, "limit": arguments.add(query.count + 1, "bigint")}


def place_behind(query: TaskQuery, row: Row) -> Place:
    return [query.sort, row[query.sort.removeprefix("-")], row["id"]]


def read_start(query: TaskQuery) -> Start | Refused | None:
    """None: from the beginning. A cursor is one of its order alone."""
    if query.start is None:
        return None
    attribute = query.sort.removeprefix("-")
    match _ORDERS[attribute].type, read_cursor(query.start):
        case "float8", [query.sort, None, int(last)] if attribute == "endtime" and _is_id(last):
            return Start(None, last)
        case "float8", [query.sort, int() | float() as key, int(last)] if not isinstance(key, bool) and _is_id(last):
            # Beyond these bounds nothing is a time to Postgres, and no task has one.
            return Start(min(max(float(key), _EARLIEST), LATEST + 1.0), last)
        case "text", [query.sort, str(key), int(last)] if _is_id(last):
            return Start(key, last)
        case "bigint", [query.sort, int(key), int(last)] if _is_id(key) and _is_id(last):
            return Start(key, last)
        case _:
            return bad_cursor()


def _is_id(number: int) -> bool:
    return not isinstance(number, bool) and 0 <= number < 2**63
