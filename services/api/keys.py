"""Makes keys, and with the first one the user and the account it belongs to."""

import base64
from dataclasses import dataclass
from functools import reduce
from typing import Final, cast

from typing_extensions import TypedDict

from services.api.authenticate import QUERIES, hash_key
from shared.domain import account
from shared.domain.account import AddKey, AddUser, Command, OpenAccount, Role
from shared.domain.identifiers import AccountId, Instant, KeyId, UserId, account_stream
from shared.domain.refusal import Fault, Refused
from shared.event_store.interface import Actor, Append, EventStore, StreamAppend, VersionConflict, Write
from shared.event_store.read_models.account import ACCOUNTS
from shared.event_store.read_models.statements import STATEMENTS
from shared.postgres.database import Database, Row, UniqueViolation
from shared.postgres.ids import Ids
from shared.runtime import clock
from shared.sealing import NONCE_SIZE, open_sealed, seal

TRIES: Final = 6  #: how often it is decided anew when somebody else opened or changed the account meanwhile

_PREFIX_BYTES: Final = 5
_KEY_BYTES: Final = 24  # 192 bits


class SignuptoCredentials(TypedDict):
    """What the clients of Sign-Up.to sign in with; ``key``: 32 hexadecimal digits."""

    cid: int
    uid: int
    key: str
    username: str
    password: str


class CreatedKey(TypedDict):
    """``key`` is told this once and stored nowhere."""

    account_id: int
    user_id: int
    key: str
    sailthru_secret: str
    signupto: SignuptoCredentials
    webhook_secret: str


async def create_key(
    database: Database,
    store: EventStore,
    secret: tuple[bytes, ...],
    account_name: str,
    user_name: str,
    role: Role,
    key_name: str,
) -> CreatedKey | Refused:
    """A new key of the user, whose role must be ``role``. All it takes is stored in one transaction.

    Raises CannotOpen if what is there was sealed under another secret, and VersionConflict after TRIES lost races.
    """
    faults = [
        Fault(field, "must be 1 to 255 visible characters")
        for field, name in (("account", account_name), ("user", user_name), ("name", key_name))
        if not 1 <= len(name) <= 255 or not name.isprintable() or not name.strip()
    ]
    if faults:
        return Refused.invalid(*faults)
    for _ in range(TRIES):
        attempt = _Attempt(database, store, secret, clock.now())
        try:
            return await attempt.create(account_name, user_name, role, key_name)
        except (VersionConflict, UniqueViolation):
            continue
    raise VersionConflict(f"{account_name}: lost {TRIES} times to others")


@dataclass(frozen=True, slots=True)
class _Attempt:
    database: Database
    store: EventStore
    secret: tuple[bytes, ...]
    now: Instant

    async def create(self, account_name: str, user_name: str, role: Role, key_name: str) -> CreatedKey | Refused:
        account_row = await self.database.fetch_row(QUERIES["find_account"], account_name)
        account_id = AccountId(account_row["id"] if account_row else await self._fresh("account_id"))
        user_row = await self.database.fetch_row(QUERIES["find_user"], account_id, user_name)
        user_id = UserId(user_row["id"] if user_row else await self._fresh("user_id"))
        key_id = KeyId(await self._fresh("key_id"))
        key, prefix = _make_key()
        of_account = self._opened(f"account-{account_id}", account_row) if account_row else _account_secrets()
        of_user = self._opened(f"user-{user_id}", user_row) if user_row else _user_secrets()
        writes = []
        if account_row is None:
            sealed = self._sealed(f"account-{account_id}", of_account)
            writes.append(Write(STATEMENTS["write_account"], (account_id, account_name, 0, self.now, *sealed)))
        if user_row is None:
            sealed = self._sealed(f"user-{user_id}", of_user)
            writes.append(Write(STATEMENTS["write_user"], (user_id, account_id, user_name, role, self.now, *sealed)))
        row = (key_id, account_id, user_id, key_name, prefix, hash_key(key), self.now)
        writes.append(Write(STATEMENTS["write_key"], row))
        refused = await self._store(
            account_id,
            [
                OpenAccount(account_id, account_name),
                AddUser(user_id, user_name, role),
                AddKey(key_id, user_id, key_name, prefix),
            ],
            writes,
        )
        return refused or _told(account_id, user_id, key, of_account, of_user, f"{account_name}/{user_name}")

    async def _store(self, account_id: AccountId, wishes: list[Command], writes: list[Write]) -> Refused | None:
        stream = account_stream(account_id)
        history = await self.store.read_stream(stream)
        state = account.replay(cast(account.Event, recorded.event) for recorded in history)
        events: list[account.Event] = []
        for wish in wishes:
            decision = account.decide(state, wish, self.now)
            if isinstance(decision, Refused):
                return decision
            state = reduce(account.evolve, decision, state)
            events += decision
        append = StreamAppend(stream, len(history), events, Actor(account_id))
        rows = ACCOUNTS.rows(state, len(history) + len(events))
        await self.store.append(Append((append,), (*writes, *rows)))
        return None

    async def _fresh(self, sequence: str) -> int:
        return await Ids(self.database, block=1).next(sequence)

    def _opened(self, owner: str, row: Row) -> dict[str, str]:
        sealed = {name: value for name, value in dict(row).items() if name != "id"}
        return {name: open_sealed(self.secret, f"{owner} {name}", value).decode() for name, value in sealed.items()}

    def _sealed(self, owner: str, secrets: dict[str, str]) -> list[bytes]:
        return [
            seal(self.secret, f"{owner} {name}", value.encode(), clock.random_bytes(NONCE_SIZE))
            for name, value in secrets.items()
        ]


def _told(
    account_id: int, user_id: int, key: str, of_account: dict[str, str], of_user: dict[str, str], username: str
) -> CreatedKey:
    return CreatedKey(
        account_id=account_id,
        user_id=user_id,
        key=key,
        sailthru_secret=of_account["sailthru_secret"],
        signupto=SignuptoCredentials(
            cid=account_id,
            uid=user_id,
            key=of_user["signupto_key"],
            username=username,
            password=of_user["signupto_password"],
        ),
        webhook_secret=of_account["webhook_secret"],
    )


def _make_key() -> tuple[str, str]:
    """(key, the prefix it is found by)."""
    prefix = base64.b32encode(clock.random_bytes(_PREFIX_BYTES)).decode().lower()
    rest = base64.urlsafe_b64encode(clock.random_bytes(_KEY_BYTES)).decode()
    return f"pr_{prefix}_{rest}", prefix


def _account_secrets() -> dict[str, str]:
    return {
        "sailthru_secret": clock.random_bytes(16).hex(),
        # As Standard Webhooks spells a symmetric secret.
        "webhook_secret": "whsec_" + base64.b64encode(clock.random_bytes(_KEY_BYTES)).decode(),
    }


def _user_secrets() -> dict[str, str]:
    return {"signupto_key": clock.random_bytes(16).hex(), "signupto_password": clock.random_bytes(16).hex()}
