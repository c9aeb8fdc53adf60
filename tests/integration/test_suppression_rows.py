"""Suppressions as rows: each once, found again by address alone, tied to whoever has it, lifted with what they mean."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from shared.domain.identifiers import Instant
from shared.postgres.database import Database
from shared.suppression.address_hash import AddressHashes
from shared.suppression.find import Found, find_in, link_in
from shared.suppression.record import Lifted, NewSuppression, Suppressed, lift_in, suppress_in

OLD, NEW = b"old secret of at least 32 bytes!", b"new secret of at least 32 bytes!"
HASHES = AddressHashes([NEW])
NOON = Instant(1_800_000_000.0)
ADA = NewSuppression(
    1, "email", "ada@example.com", "hard_bounce", "task 7", 10, detail="550 5.1.1 no such user", task_id=7
)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """With two subscribers, of whom the first is on list 5."""
    connected = await Database.connect(database_url)
    await connected.execute("INSERT INTO list (id, account_id, name, version, cdate) VALUES (5, 1, 'five', 1, now())")
    await connected.execute(
        """INSERT INTO subscriber (id, account_id, email, telephone, cdate)
           VALUES (10, 1, 'Ada@example.com', '+4930111', now()), (11, 1, 'bob@example.com', NULL, now())"""
    )
    await connected.execute(
        "INSERT INTO subscription (list_id, subscriber_id, confirmed, signup_at) VALUES (5, 10, true, now())"
    )
    yield connected
    await connected.close()


async def suppress(
    database: Database, *wanted: NewSuppression, change: str = "1", hashes: AddressHashes = HASHES
) -> list[Suppressed]:
    async with database.transaction() as connection:
        return await suppress_in(connection, hashes, wanted, NOON, change, user_id=3)


async def find(database: Database, *addresses: str, account_id: int = 1, hashes: AddressHashes = HASHES) -> list[Found]:
    async with database.transaction() as connection:
        return await find_in(connection, hashes, account_id, [("email", address) for address in addresses])


async def lift(database: Database, ids: list[int], account_id: int = 1) -> list[Lifted]:
    async with database.transaction() as connection:
        return await lift_in(connection, account_id, ids, NOON, "lifting", user_id=3)


async def events(database: Database) -> list[tuple[str, int, int | None, dict[str, Any]]]:
    rows = await database.fetch("SELECT type, account_id, user_id, data FROM event ORDER BY position")
    return [(row["type"], row["account_id"], row["user_id"], row["data"]) for row in rows]


async def test_a_suppression_is_recorded_once(database: Database) -> None:
    """A repeat is no news; the row holds all that was said, the event ids only."""
    bob = NewSuppression(1, "email", "Bob@example.com", "complaint", "task 7", 11)
    first = await suppress(database, ADA, bob, replace(ADA, address="ADA@example.com"))
    again = await suppress(database, ADA, bob, change="2")
    [row] = await database.fetch("SELECT * FROM suppression WHERE reason = 'hard_bounce'")

    assert [(each.what.reason, each.subscriber_id) for each in first] == [("hard_bounce", 10), ("complaint", 11)]
    assert again == []
    assert (row["address"], row["detail"], row["source"], row["task_id"], row["list_id"]) == (
        "ada@example.com",
        "550 5.1.1 no such user",
        "task 7",
        7,
        None,
    )
    [(kind, account_id, user_id, data)] = await events(database)
    assert (kind, account_id, user_id) == ("list.subscribers_suppressed", 1, 3)
    assert data["suppressions"] == [each.id for each in first]
    assert (data["subscribers"], data["reasons"]) == ([10, 11], ["hard_bounce", "complaint"])
    assert "example.com" not in str(data)


async def test_whatever_was_said_is_kept_as_far_as_it_can_be(database: Database) -> None:
    """It comes from outside, and must not stop whoever records it."""
    await suppress(database, replace(ADA, detail="\x00550 no" + "o" * 1_000))

    assert await database.fetch_value("SELECT detail FROM suppression") == " 550 no" + "o" * 493


async def test_each_reason_and_each_list_stands_by_itself(database: Database) -> None:
    """Lifting a bounce leaves a complaint."""
    complaint = replace(ADA, reason="complaint")
    of_list = replace(ADA, reason="unsubscribed", list_id=5)
    [bounced, *_] = await suppress(database, ADA, complaint, of_list)
    await lift(database, [bounced.id])

    assert {(each.reason, each.list_id) for each in await find(database, "ada@example.com")} == {
        ("complaint", None),
        ("unsubscribed", 5),
    }


async def test_changes_of_several_accounts_are_told_to_each(database: Database) -> None:
    """As of one round of the projection; nobody hears of another account's."""
    await suppress(database, ADA, replace(ADA, account_id=2, subscriber_id=90))

    assert [(account_id, data["subscribers"]) for _, account_id, _, data in await events(database)] == [
        (1, [10]),
        (2, [90]),
    ]
    assert [each.subscriber_id for each in await find(database, "ada@example.com", account_id=2)] == [90]


async def test_an_opt_out_of_marketing_becomes_one_of_everything_and_not_back(database: Database) -> None:
    blast = replace(ADA, reason="opted_out", marketing_only=True)
    everything = replace(blast, marketing_only=False)
    news = [len(await suppress(database, each, change=str(n))) for n, each in enumerate([blast, everything, blast])]

    assert news == [1, 1, 0]
    assert [each.marketing_only for each in await find(database, "ada@example.com")] == [False]


async def test_it_is_tied_to_whoever_has_the_address_now(database: Database) -> None:
    """Also where nobody said whose it is, and where it was somebody else's when the message went out."""
    unknown = replace(ADA, subscriber_id=None)
    former = NewSuppression(1, "email", "BOB@example.com", "hard_bounce", "task 7", subscriber_id=10)
    gone = NewSuppression(1, "email", "old@example.com", "hard_bounce", "task 7", subscriber_id=10)
    telephone = NewSuppression(1, "sms", "+4930111", "manual", "api")

    assert [each.subscriber_id for each in await suppress(database, unknown, former, gone, telephone)] == [
        10,
        11,
        10,
        10,
    ]


async def test_what_an_old_secret_recorded_is_found_and_not_recorded_again(database: Database) -> None:
    """A rotation forgets nobody."""
    await suppress(database, ADA, hashes=AddressHashes([OLD]))
    rotated = AddressHashes([NEW, OLD])

    assert await suppress(database, ADA, change="2", hashes=rotated) == []
    assert len(await find(database, "ada@example.com", hashes=rotated)) == 1
    assert await find(database, "ada@example.com") == []


async def test_an_erased_address_is_known_by_its_hash(database: Database) -> None:
    """And belongs to whoever comes back with it, once he is made."""
    await suppress(database, ADA)
    await database.execute("UPDATE suppression SET address = NULL, subscriber_id = NULL")
    [found] = await find(database, "Ada@Example.com", "bob@example.com")
    async with database.transaction() as connection:
        await link_in(connection, [(found.id, 11, found.address)])
    row = await database.fetch_row("SELECT subscriber_id, address FROM suppression")

    assert (found.reason, found.address, found.subscriber_id) == ("hard_bounce", "Ada@Example.com", None)
    assert row is not None
    assert tuple(row) == (11, "Ada@Example.com")


async def test_who_is_named_again_after_an_erasure_is_no_news(database: Database) -> None:
    """The row gets its address and its person back."""
    await suppress(database, ADA)
    await database.execute("UPDATE suppression SET address = NULL, subscriber_id = NULL")
    row = "SELECT address, subscriber_id FROM suppression"

    assert await suppress(database, ADA, change="2") == []
    assert [tuple(each) for each in await database.fetch(row)] == [("ada@example.com", 10)]


async def test_lifting_undoes_what_it_stands_for(database: Database) -> None:
    """An unsubscribe reopens that subscription, an opt-out is reset; a bounce had changed nothing."""
    await database.execute("UPDATE subscription SET ended_at = now()")
    await database.execute("UPDATE subscriber SET optout = 'all' WHERE id = 10")
    found = await suppress(
        database, ADA, replace(ADA, reason="unsubscribed", list_id=5), replace(ADA, reason="opted_out")
    )
    ids = {each.what.reason: each.id for each in found}

    async def state() -> tuple[bool, str]:
        row = await database.fetch_row(
            """SELECT ended_at IS NOT NULL AS ended, optout
                 FROM subscription JOIN subscriber ON subscriber.id = subscriber_id"""
        )
        assert row is not None
        return row["ended"], row["optout"]

    states = []
    for reason in ("hard_bounce", "unsubscribed", "opted_out"):
        async with database.transaction() as connection:
            await lift_in(connection, 1, [ids[reason]], NOON, f"lifting {reason}", user_id=3)
        states.append(await state())

    assert states == [(True, "all"), (False, "all"), (False, "none")]
    kind, _, user_id, data = (await events(database))[-1]
    assert (kind, user_id, data["suppressions"], data["reasons"]) == (
        "list.suppressions_lifted",
        3,
        [ids["opted_out"]],
        ["opted_out"],
    )


async def test_nothing_of_another_account_is_lifted(database: Database) -> None:
    """And of what is not there no event is left."""
    [found] = await suppress(database, ADA)

    assert await lift(database, [found.id], account_id=2) == []
    assert await lift(database, [found.id]) == [Lifted(found.id, 10, None, "hard_bounce")]
    assert await lift(database, [found.id]) == []
    assert len(await events(database)) == 2
