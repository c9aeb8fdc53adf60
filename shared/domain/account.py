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
    user_id: UserId
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class AddKey:
    key_id: KeyId
    user_id: UserId
    name: str
    prefix: str


Command = OpenAccount | AddUser | AddKey


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


Event = AccountOpened | UserAdded | KeyAdded


@dataclass(frozen=True, slots=True)
class User:
    user_id: UserId
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Account:
    account_id: AccountId = AccountId(0)
    name: str = ""
    cdate: Instant = Instant(0.0)
    users: dict[UserId, User] = field(default_factory=dict)
    keys: frozenset[KeyId] = frozenset()


def decide(account: Account, command: Command, now: Instant) -> list[Event] | Refused:
    match command:
        case OpenAccount(account_id, name):
            return [] if account.account_id else [AccountOpened(account_id, name, now)]
        case AddUser(user_id, name, role):
            return _add_user(account, UserAdded(user_id, name, role, now))
        case AddKey(key_id, user_id, name, prefix):
            if user_id not in account.users:
                return Refused.not_found(f"there is no user {user_id}")
            return [] if key_id in account.keys else [KeyAdded(key_id, user_id, name, prefix, now)]
        case _:
            assert_never(command)


def _add_user(account: Account, added: UserAdded) -> list[Event] | Refused:
    if not account.account_id:
        return Refused.not_found("there is no such account")
    for user in account.users.values():
        if user.name == added.name:
            return [] if user.role == added.role else Refused.conflict(f"{added.name!r} is {user.role} already", "role")
    return [added]


def evolve(account: Account, event: Event) -> Account:
    match event:
        case AccountOpened(account_id, name, at):
            return Account(account_id, name, at)
        case UserAdded(user_id, name, role, _):
            return replace(account, users={**account.users, user_id: User(user_id, name, role)})
        case KeyAdded(key_id=key_id):
            return replace(account, keys=account.keys | {key_id})
        case _:
            assert_never(event)


def replay(history: Iterable[Event]) -> Account:
    return reduce(evolve, history, Account())
