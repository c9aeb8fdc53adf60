"""The life of an account, as history, command and what follows."""

from collections.abc import Sequence

import pytest

from shared.domain.account import (
    AccountOpened,
    AddKey,
    AddUser,
    Command,
    Event,
    KeyAdded,
    OpenAccount,
    User,
    UserAdded,
    decide,
    replay,
)
from shared.domain.identifiers import AccountId, Instant, KeyId, UserId
from shared.domain.refusal import Refused

NOON = Instant(43_200.0)

OPENED: list[Event] = [AccountOpened(AccountId(7), "Acme", NOON)]
WITH_ADA = [*OPENED, UserAdded(UserId(70), "ada", "admin", NOON)]
WITH_KEY = [*WITH_ADA, KeyAdded(KeyId(700), UserId(70), "laptop", "pr_abc", NOON)]


@pytest.mark.parametrize(
    ("given", "when", "then"),
    [
        pytest.param([], OpenAccount(AccountId(7), "Acme"), OPENED, id="an account is opened"),
        pytest.param(OPENED, OpenAccount(AccountId(7), "Acme"), [], id="opening it again changes nothing"),
        pytest.param(OPENED, AddUser(UserId(70), "ada", "admin"), WITH_ADA[-1:], id="it gets a user"),
        pytest.param(WITH_ADA, AddUser(UserId(71), "ada", "admin"), [], id="adding one who is there changes nothing"),
        pytest.param(
            WITH_ADA,
            AddUser(UserId(71), "ada", "reader"),
            Refused.conflict("'ada' is admin already", "role"),
            id="and not his role",
        ),
        pytest.param(
            WITH_ADA,
            AddUser(UserId(71), "bob", "reader"),
            [UserAdded(UserId(71), "bob", "reader", NOON)],
            id="it may have several",
        ),
        pytest.param(
            [],
            AddUser(UserId(70), "ada", "admin"),
            Refused.not_found("there is no such account"),
            id="an account that was not opened has none",
        ),
        pytest.param(
            WITH_ADA, AddKey(KeyId(700), UserId(70), "laptop", "pr_abc"), WITH_KEY[-1:], id="a user gets a key"
        ),
        pytest.param(WITH_KEY, AddKey(KeyId(700), UserId(70), "laptop", "pr_abc"), [], id="once"),
        pytest.param(
            WITH_KEY,
            AddKey(KeyId(701), UserId(70), "laptop", "pr_def"),
            [KeyAdded(KeyId(701), UserId(70), "laptop", "pr_def", NOON)],
            id="and as many more as wanted",
        ),
        pytest.param(
            OPENED,
            AddKey(KeyId(700), UserId(70), "laptop", "pr_abc"),
            Refused.not_found("there is no user 70"),
            id="a key needs a user",
        ),
    ],
)
def test_what_follows(given: Sequence[Event], when: Command, then: list[Event] | Refused) -> None:
    assert decide(replay(given), when, NOON) == then


def test_an_account_knows_its_users_and_keys() -> None:
    account = replay(WITH_KEY)

    assert (account.account_id, account.name, account.cdate) == (7, "Acme", NOON)
    assert account.users == {70: User(UserId(70), "ada", "admin")}
    assert account.keys == {700}
