"""Makes keys, and with the first one the user and the account it belongs to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final, cast

from typing_extensions import TypedDict

from services.api import credentials
from services.api.authenticate import QUERIES
from services.api.credentials import Secrets
from services.api.idempotency import CONSTRAINT
from shared.domain import account
from shared.domain.account import AddKey, AddUser, Command, Key, OpenAccount, Role, User
from shared.domain.identifiers import AccountId, Instant, KeyId, UserId, account_stream
from shared.domain.ledger import Terms
from shared.domain.refusal import Fault, Refused
from shared.event_store.interface import Actor, Append, EventStore, RecordedEvent, StreamAppend, VersionConflict, Write
from shared.event_store.read_models.account import ACCOUNTS
from shared.ledger.balances import begin_ledger
from shared.postgres.database import Database, UniqueViolation
from shared.postgres.ids import Ids
from shared.runtime import clock

TRIES: Final = 6  #: how often it is decided anew when somebody else opened or changed the account meanwhile


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


@dataclass(frozen=True, slots=True)
class Opening:
    """An account that is made on request: one of this name may not be there. ``by``: the user who makes it, of another
    account. ``also``: rows to store with it.
    """

    terms: Terms
    by: int
    now: Instant
    also: Callable[[CreatedKey], Sequence[Write]]


async def create_key(
    database: Database,
    store: EventStore,
    secret: tuple[bytes, ...],
    account_name: str,
    user_name: str,
    role: Role,
    key_name: str,
    opening: Opening | None = None,
) -> CreatedKey | Refused:
    """A new key of the user, whose role must be ``role``. All it takes is stored in one transaction.

    Raises CannotOpen if what is there was sealed under another secret, VersionConflict after TRIES lost races, and
    UniqueViolation of a request that was answered meanwhile.
    """
    faults = [
        Fault(field, "must be 1 to 255 visible characters")
        for field, name in (("account", account_name), ("user", user_name), ("name", key_name))
        if not 1 <= len(name) <= 255 or not name.isprintable() or not name.strip()
    ]
    if faults:
        return Refused.invalid(*faults)
    for _ in range(TRIES):
        attempt = _Attempt(database, store, secret, opening.now if opening else clock.now(), opening)
        try:
            return await attempt.create(account_name, user_name, role, key_name)
        except VersionConflict:
            continue
        except UniqueViolation as error:
            if error.constraint == CONSTRAINT:
                raise
    raise VersionConflict(f"{account_name}: lost {TRIES} times to others")


@dataclass(frozen=True, slots=True)
class _Attempt:
    database: Database
    store: EventStore
    secret: tuple[bytes, ...]
    now: Instant
    opening: Opening | None

    async def create(self, account_name: str, user_name: str, role: Role, key_name: str) -> CreatedKey | Refused:
        account_row = await self.database.fetch_row(QUERIES["find_account"], account_name)
        if account_row and self.opening:
            return Refused.conflict(f"there is an account {account_name!r} already", "name")
        account_id = AccountId(account_row["id"] if account_row else await self._fresh("account_id"))
        # Before the user is looked for: whoever is added after it makes the append lose, and then he is found.
        history = await self.store.read_stream(account_stream(account_id))
        user_row = await self.database.fetch_row(QUERIES["find_user"], account_id, user_name)
        user_id = UserId(user_row["id"] if user_row else await self._fresh("user_id"))
        key, prefix = credentials.draw_key()
        added = Key(KeyId(await self._fresh("key_id")), user_id, key_name, prefix, self.now)
        writes = []
        if account_row:
            of_account = credentials.open_account(self.secret, account_row)
        else:
            of_account = credentials.draw_account_secrets()
            writes.append(credentials.account_row(self.secret, account_id, account_name, self.now, of_account))
        if user_row:
            of_user = credentials.open_user(self.secret, user_row)
        else:
            of_user = credentials.draw_user_secrets()
            user = User(user_id, user_name, role, self.now)
            writes.append(credentials.user_row(self.secret, account_id, user, of_user))
        writes.append(credentials.key_row(account_id, added, key))
        wishes = (
            OpenAccount(account_id, account_name),
            AddUser(user_id, user_name, role),
            AddKey(added.key_id, user_id, key_name, prefix),
        )
        told = _told(account_id, user_id, key, of_account, of_user, f"{account_name}/{user_name}")
        refused = await self._store(account_id, history, wishes, writes, told)
        return refused or told

    async def _store(
        self,
        account_id: AccountId,
        history: Sequence[RecordedEvent],
        wishes: Sequence[Command],
        writes: Sequence[Write],
        told: CreatedKey,
    ) -> Refused | None:
        state = account.replay(cast(account.Event, recorded.event) for recorded in history)
        events: list[account.Event] = []
        for wish in wishes:
            decision = account.decide(state, wish, self.now)
            if isinstance(decision, Refused):
                return decision
            state = reduce(account.evolve, decision, state)
            events += decision
        actor = Actor(account_id, self.opening.by if self.opening else None)
        append = StreamAppend(account_stream(account_id), len(history), events, actor)
        rows = ACCOUNTS.rows(state, len(history) + len(events))
        streams, more = self._opened(account_id, told)
        await self.store.append(Append((append, *streams), (*writes, *rows, *more)))
        return None

    def _opened(self, account_id: int, told: CreatedKey) -> tuple[Sequence[StreamAppend], Sequence[Write]]:
        """The ledger that the account begins with."""
        if self.opening is None:
            return (), ()
        streams, rows = begin_ledger(account_id, self.opening.terms, self.now, self.opening.by)
        return streams, [*rows, *self.opening.also(told)]

    async def _fresh(self, sequence: str) -> int:
        return await Ids(self.database, block=1).next(sequence)


def _told(account_id: int, user_id: int, key: str, of_account: Secrets, of_user: Secrets, username: str) -> CreatedKey:
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
