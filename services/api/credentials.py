"""What is secret about accounts, users and keys: how it is drawn, sealed and put into their rows."""

import base64
from typing import Any, Final

from services.api.authenticate import hash_key
from shared.domain.account import Key, User
from shared.domain.identifiers import AccountId, Instant
from shared.event_store.interface import Write
from shared.event_store.read_models.statements import STATEMENTS
from shared.postgres.database import Row
from shared.runtime import clock
from shared.sealing import NONCE_SIZE, open_sealed, seal

_PREFIX_BYTES: Final = 5
_KEY_BYTES: Final = 24  # 192 bits

Secrets = dict[str, str]  #: by the name of its column, in the order the statement takes them


def draw_key() -> tuple[str, str]:
    """(key, the prefix it is found by)."""
    prefix = base64.b32encode(clock.random_bytes(_PREFIX_BYTES)).decode().lower()
    rest = base64.urlsafe_b64encode(clock.random_bytes(_KEY_BYTES)).decode()
    return f"pr_{prefix}_{rest}", prefix


def draw_account_secrets() -> Secrets:
    return {
        "sailthru_secret": clock.random_bytes(16).hex(),
        # As Standard Webhooks spells a symmetric secret.
        "webhook_secret": "whsec_" + base64.b64encode(clock.random_bytes(_KEY_BYTES)).decode(),
    }


def draw_user_secrets() -> Secrets:
    return {"signupto_key": clock.random_bytes(16).hex(), "signupto_password": clock.random_bytes(16).hex()}


def account_row(secret: tuple[bytes, ...], account_id: AccountId, name: str, cdate: Instant, own: Secrets) -> Write:
    """``secret``: what ``own`` is sealed under. The version is set by the account's own statement."""
    sealed = _sealed(secret, f"account-{account_id}", own)
    return Write(STATEMENTS["write_account"], (account_id, name, 0, cdate, *sealed))


def user_row(secret: tuple[bytes, ...], account_id: AccountId, user: User, own: Secrets) -> Write:
    """``secret``: what ``own`` is sealed under."""
    sealed = _sealed(secret, f"user-{user.user_id}", own)
    return Write(STATEMENTS["write_user"], (user.user_id, account_id, user.name, user.role, user.cdate, *sealed))


def key_row(account_id: AccountId, added: Key, key: str) -> Write:
    """Of ``key`` itself only the hash goes into the row."""
    row = (added.key_id, account_id, added.user_id, added.name, added.prefix, hash_key(key), added.cdate)
    return Write(STATEMENTS["write_key"], row)


def open_account(secret: tuple[bytes, ...], row: Row) -> Secrets:
    """What the row has beside its id, unsealed. Raises CannotOpen."""
    return _opened(secret, f"account-{row['id']}", row)


def open_user(secret: tuple[bytes, ...], row: Row | dict[str, Any]) -> Secrets:
    """What the row has beside its id, unsealed. Raises CannotOpen."""
    return _opened(secret, f"user-{row['id']}", row)


def _opened(secret: tuple[bytes, ...], owner: str, row: Row | dict[str, Any]) -> Secrets:
    sealed = {name: value for name, value in dict(row).items() if name != "id"}
    return {name: open_sealed(secret, f"{owner} {name}", value).decode() for name, value in sealed.items()}


def _sealed(secret: tuple[bytes, ...], owner: str, own: Secrets) -> list[bytes]:
    return [
        seal(secret, f"{owner} {name}", value.encode(), clock.random_bytes(NONCE_SIZE)) for name, value in own.items()
    ]
