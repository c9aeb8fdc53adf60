"""One account: its users and their keys. Secrets and keys themselves are never in an event."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Literal, assert_never

from shared.domain.identifiers import AccountId, Instant, KeyId, UserId
from shared.domain.refusal import Refused

Role = Literal["operator", "admin", "member", "reader"]


@dataclass(frozen=True, slots=True)
class OpenAccount:
    account_id: AccountId
    name: str


@dataclass(frozen=True, slots=True)
class AddUser:
    """``by``: with whose rights; those of the command line are an operator's."""

    user_id: UserId
    name: str
    role: Role
    by: Role = "operator"


@dataclass(frozen=True, slots=True)
class AddKey:
    """``by``: with whose rights, as in AddUser."""

    key_id: KeyId
    user_id: UserId
    name: str
    prefix: str
    by: Role = "operator"


@dataclass(frozen=True, slots=True)
class RevokeKey:
    key_id: KeyId


Command = OpenAccount | AddUser | AddKey | RevokeKey


@dataclass(frozen=True, slots=True)
class AccountOpened:
    account_id: AccountId
    name: str
    at: Instant


@dataclass(frozen=True, slots=True)
class UserAdded:
    user_id: UserId
    name: str
    role: Role
    at: Instant


@dataclass(frozen=True, slots=True)
class KeyAdded:
    key_id: KeyId
    user_id: UserId
    name: str
    prefix: str
    at: Instant


@dataclass(frozen=True, slots=True)
class KeyRevoked:
    key_id: KeyId
    at: Instant


Event = AccountOpened | UserAdded | KeyAdded | KeyRevoked


@dataclass(frozen=True, slots=True)
class User:
    user_id: UserId
    name: str
    role: Role
    cdate: Instant


@dataclass(frozen=True, slots=True)
class Key:
    """``prefix``: what it is found by; the rest of the key is known to nobody but its user."""

    key_id: KeyId
    user_id: UserId
    name: str
    prefix: str
    cdate: Instant
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    account_id: AccountId = AccountId(0)
    name: str = ""
    cdate: Instant = Instant(0.0)
    users: dict[UserId, User] = field(default_factory=dict)
    keys: dict[KeyId, Key] = field(default_factory=dict)


def decide(account: Account, command: Command, now: Instant) -> list[Event] | Refused:
    match command:
        case OpenAccount(account_id, name):
            return [] if account.account_id else [AccountOpened(account_id, name, now)]
        case AddUser(user_id, name, role, by):
            return _add_user(account, UserAdded(user_id, name, role, now), by)
        case AddKey(key_id, user_id, name, prefix, by):
            return _add_key(account, KeyAdded(key_id, user_id, name, prefix, now), by)
        case RevokeKey(key_id):
            if key_id not in account.keys:
                return Refused.not_found(f"there is no key {key_id}")
            return [] if account.keys[key_id].revoked else [KeyRevoked(key_id, now)]
        case _:
            assert_never(command)


def _add_user(account: Account, added: UserAdded, by: Role) -> list[Event] | Refused:
    if not account.account_id:
        return Refused.not_found("there is no such account")
    if _is_above(added.role, by):
        return Refused.forbidden(f"a user of the role {by} cannot make an operator", "role")
    for user in account.users.values():
        if user.name == added.name:
            if user.role != added.role:
                return Refused.conflict(f"{added.name!r} is {user.role} already", "role")
            return [] if user.user_id == added.user_id else Refused.conflict(f"{added.name!r} is there already", "name")
    return [added]


def _add_key(account: Account, added: KeyAdded, by: Role) -> list[Event] | Refused:
    user = account.users.get(added.user_id)
    if user is None:
        return Refused.not_found(f"there is no user {added.user_id}")
    if _is_above(user.role, by):
        return Refused.forbidden(f"a user of the role {by} cannot make a key of an operator", "user_id")
    return [] if added.key_id in account.keys else [added]


def _is_above(role: Role, by: Role) -> bool:
    """An operator reaches beyond his account: who is none can neither make one nor come by the key of one."""
    return role == "operator" and by != "operator"


def evolve(account: Account, event: Event) -> Account:
    match event:
        case AccountOpened(account_id, name, at):
            return Account(account_id, name, at)
        case UserAdded(user_id, name, role, at):
            return replace(account, users={**account.users, user_id: User(user_id, name, role, at)})
        case KeyAdded(key_id, user_id, name, prefix, at):
            return replace(account, keys={**account.keys, key_id: Key(key_id, user_id, name, prefix, at)})
        case KeyRevoked(key_id, _):
            return replace(account, keys={**account.keys, key_id: replace(account.keys[key_id], revoked=True)})
        case _:
            assert_never(event)


def replay(history: Iterable[Event]) -> Account:
    return reduce(evolve, history, Account())
