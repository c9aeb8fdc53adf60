"""The life of an account, as history, command and what follows."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from shared.domain.account import (
    AccountOpened,
    AddKey,
    AddUser,
    Command,
    Event,
    Key,
    KeyAdded,
    KeyRevoked,
    OpenAccount,
    RevokeKey,
    Role,
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
REVOKED = [*WITH_KEY, KeyRevoked(KeyId(700), NOON)]
WITH_OLGA = [*OPENED, UserAdded(UserId(72), "olga", "operator", NOON)]


@pytest.mark.parametrize(
    ("given", "when", "then"),
    [
        pytest.param([], OpenAccount(AccountId(7), "Acme"), OPENED, id="an account is opened"),
        pytest.param(OPENED, OpenAccount(AccountId(7), "Acme"), [], id="opening it again changes nothing"),
        pytest.param(OPENED, AddUser(UserId(70), "ada", "admin"), WITH_ADA[-1:], id="it gets a user"),
        pytest.param(WITH_ADA, AddUser(UserId(70), "ada", "admin"), [], id="adding him again changes nothing"),
        pytest.param(
            WITH_ADA,
            AddUser(UserId(71), "ada", "admin"),
            Refused.conflict("'ada' is there already", "name"),
            id="a name is one user's",
        ),
        pytest.param(
            WITH_ADA,
            AddUser(UserId(71), "ada", "reader"),
            Refused.conflict("'ada' is admin already", "role"),
            id="and his role stays",
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
        pytest.param(WITH_KEY, RevokeKey(KeyId(700)), REVOKED[-1:], id="a key is revoked"),
        pytest.param(REVOKED, RevokeKey(KeyId(700)), [], id="for good"),
        pytest.param(
            REVOKED, AddKey(KeyId(700), UserId(70), "laptop", "pr_abc"), [], id="and adding it does not bring it back"
        ),
        pytest.param(
            WITH_KEY,
            RevokeKey(KeyId(701)),
            Refused.not_found("there is no key 701"),
            id="what is not there cannot be revoked",
        ),
    ],
)
def test_what_follows(given: Sequence[Event], when: Command, then: list[Event] | Refused) -> None:
    assert decide(replay(given), when, NOON) == then


@pytest.mark.parametrize("by", ["admin", "member", "reader"])
def test_an_operator_and_his_keys_are_made_by_operators_alone(by: Role) -> None:
    make_him, make_key = AddUser(UserId(72), "olga", "operator", by), AddKey(KeyId(1), UserId(72), "desk", "pr_xyz", by)

    assert decide(replay(OPENED), make_him, NOON) == Refused.forbidden(
        f"a user of the role {by} cannot make an operator", "role"
    )
    assert decide(replay(WITH_OLGA), make_key, NOON) == Refused.forbidden(
        f"a user of the role {by} cannot make a key of an operator", "user_id"
    )
    assert decide(replay(OPENED), replace(make_him, by="operator"), NOON) == WITH_OLGA[-1:]
    assert decide(replay(WITH_OLGA), replace(make_key, by="operator"), NOON) == [
        KeyAdded(KeyId(1), UserId(72), "desk", "pr_xyz", NOON)
    ]


@pytest.mark.parametrize("role", ["admin", "member", "reader"])
def test_an_admin_makes_everybody_else(role: Role) -> None:
    assert decide(replay(OPENED), AddUser(UserId(71), "bob", role, "admin"), NOON) == [
        UserAdded(UserId(71), "bob", role, NOON)
    ]


def test_an_account_knows_its_users_and_keys() -> None:
    account = replay(WITH_KEY)

    assert (account.account_id, account.name, account.cdate) == (7, "Acme", NOON)
    assert account.users == {UserId(70): User(UserId(70), "ada", "admin", NOON)}
    assert account.keys == {KeyId(700): Key(KeyId(700), UserId(70), "laptop", "pr_abc", NOON)}


def test_a_revoked_key_stays_known_as_one() -> None:
    keys = replay(REVOKED).keys

    assert keys == {KeyId(700): Key(KeyId(700), UserId(70), "laptop", "pr_abc", NOON, revoked=True)}
