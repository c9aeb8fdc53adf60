"""A new key, as the commands make it: a refusal is for a person to read."""

from services.api.keys import CreatedKey, create_key
from shared.domain.account import Role
from shared.domain.refusal import Refused
from shared.event_store.interface import EventStore
from shared.postgres.database import Database

KEY_NAME = "made by the command line"


class KeyRefused(Exception):
    """No key was made; the message says why."""


async def new_key(
    database: Database, store: EventStore, secret: tuple[bytes, ...], account: str, user: str, role: Role
) -> CreatedKey:
    """Account and user are made where they are missing. Raises KeyRefused, CannotOpen, DatabaseError."""
    made = await create_key(database, store, secret, account, user, role, KEY_NAME)
    if isinstance(made, Refused):
        raise KeyRefused("; ".join(f"{fault.field}: {fault.message}".removeprefix(": ") for fault in made.faults))
    return made
