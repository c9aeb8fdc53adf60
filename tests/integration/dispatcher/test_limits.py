"""Shares of limits leased in Postgres: dispatchers come, go and die, and their sum is never more than the limit."""

import asyncio

from services.dispatcher.decisions.read_limits import Limit
from services.dispatcher.limits.shares import LEASE_SECONDS, Shares
from shared.postgres.database import Database

LIMITS = {"email": Limit(10, 30.0), "domain:gmail.example": Limit(3, None)}


NOW = 100.0  #: of a clock that stands


def dispatcher(database: Database, owner: int) -> Shares:
    return Shares.of(database, owner, lambda: NOW, LIMITS)


def connections(*dispatchers: Shares, name: str = "email") -> list[int]:
    """How many each could have open now."""
    found = []
    for each in dispatchers:
        gate = each.gates[name]
        more = 0
        while not gate.must_leave(NOW, more=more + 1 - gate.open):
            more += 1
        found.append(more)
    return found


def rates(*dispatchers: Shares) -> float:
    """The messages of one second, of all of them together."""
    return sum(each.gates["email"].take(1000, NOW + 10.0) for each in dispatchers)


async def test_nothing_goes_before_a_share_is_leased(database: Database) -> None:
    one = dispatcher(database, 1)

    assert not one.gates["email"].enter(NOW)
    await one.renew()
    assert one.gates["email"].enter(NOW)
    assert connections(one) == [10]
    assert rates(one) == 30


async def test_a_newcomer_gets_what_the_other_gives_back(database: Database) -> None:
    """An open connection is kept until it is closed; its place goes to nobody before."""
    one, two = dispatcher(database, 1), dispatcher(database, 2)
    await one.renew()
    assert [one.gates["email"].enter(NOW) for _ in range(10)] == [True] * 10

    await two.renew()
    assert connections(one, two) == [10, 0]
    await one.renew()
    assert one.gates["email"].must_leave(NOW)
    await two.renew()
    assert connections(one, two) == [5, 0]

    for _ in range(4):
        one.gates["email"].leave()
    await one.renew()
    await two.renew()
    assert connections(one, two) == [5, 4]
    assert rates(one) == rates(two) == 15


async def test_many_newcomers_at_once_take_no_part_twice(database: Database) -> None:
    """Twelve dispatchers start in the same moment, with more limits than Postgres has connections for."""
    many = [dispatcher(database, owner) for owner in range(12)]
    for _ in range(4):
        await asyncio.gather(*(each.renew() for each in many))
        assert sum(connections(*many)) <= 10
        assert sum(connections(*many, name="domain:gmail.example")) <= 3
        assert rates(*many) <= 30

    assert sum(connections(*many)) == 10
    assert sum(connections(*many, name="domain:gmail.example")) == 3


async def test_the_share_of_one_that_died_is_free_when_its_lease_ran_out(database: Database, owner: Database) -> None:
    one, two = dispatcher(database, 1), dispatcher(database, 2)
    await one.renew()
    await owner.execute("UPDATE limit_share SET leased_until = clock_timestamp() - interval '1 second'")

    await two.renew()

    assert connections(two) == [10]


async def test_one_that_leaves_frees_its_share_at_once(database: Database) -> None:
    one, two = dispatcher(database, 1), dispatcher(database, 2)
    await one.renew()
    await one.release()

    await two.renew()

    assert connections(two) == [10]


async def test_who_cannot_renew_shuts_its_gates_before_others_may_have_the_share(database: Database) -> None:
    one = dispatcher(database, 1)
    await one.renew()
    gate = one.gates["email"]
    assert gate.enter(NOW + LEASE_SECONDS - 3.0)

    late = NOW + LEASE_SECONDS - 1.0

    assert not gate.enter(late)
    assert gate.must_leave(late)
    assert gate.take(1, late) == 0
