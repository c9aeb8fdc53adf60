"""The account's rows. Users and keys have secrets, which no event may hold: whoever adds one writes its row."""

from shared.domain import account
from shared.domain.account import Account
from shared.event_store.handle_command import Aggregate
from shared.event_store.interface import Write
from shared.event_store.read_models.statements import STATEMENTS


def rows(state: Account, version: int) -> tuple[Write, ...]:
    return (Write(STATEMENTS["set_account_version"], (state.account_id, version)),)


ACCOUNTS: Aggregate[Account, account.Command, account.Event] = Aggregate(
    account.replay, account.decide, account.evolve, rows
)
