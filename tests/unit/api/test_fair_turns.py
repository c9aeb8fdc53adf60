"""Who waits for a place goes in the turn of his account, and no place is ever lost."""

import asyncio
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.fair_turns import FairTurns

GREEDY, MODEST = 1, 2


async def test_one_request_of_another_account_passes_a_thousand_that_wait() -> None:
    """It is the next but one whose turn comes."""
    turns, order, goes_on = FairTurns(places=4, most_each=4), [], asyncio.Event()

    async def ask(account: int) -> None:
        async with turns.turn(account):
            await goes_on.wait()
            order.append(account)

    greedy = [asyncio.create_task(ask(GREEDY)) for _ in range(1000)]
    await asyncio.sleep(0)
    modest = asyncio.create_task(ask(MODEST))
    await asyncio.sleep(0)
    goes_on.set()
    await asyncio.gather(*greedy, modest)

    assert order.index(MODEST) <= 5
    assert len(order) == 1001


async def test_no_account_takes_every_place() -> None:
    """While places are free beyond its share, another finds one at once."""
    turns = FairTurns(places=4, most_each=3)
    leave = asyncio.Event()

    async def stay() -> None:
        async with turns.turn(GREEDY):
            await leave.wait()

    staying = [asyncio.create_task(stay()) for _ in range(10)]
    await asyncio.sleep(0)
    async with asyncio.timeout(5), turns.turn(MODEST):
        pass
    leave.set()
    await asyncio.gather(*staying)


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**32), st.integers(1, 60))
async def test_places_are_neither_lost_nor_doubled_whoever_leaves(
    places: int, most_each: int, seed: int, requests: int
) -> None:
    """Some are cancelled while they wait or are at it; in the end all that stayed were served, and all is free."""
    dice, turns, held, served = random.Random(seed), FairTurns(places, most_each), Counter[int](), Counter[str]()

    async def ask(account: int) -> None:
        async with turns.turn(account):
            held[account] += 1
            assert held.total() <= places
            assert held[account] <= most_each
            try:
                for _ in range(dice.randrange(3)):
                    await asyncio.sleep(0)
            finally:
                held[account] -= 1
            served["done"] += 1

    tasks = [asyncio.create_task(ask(dice.randrange(3))) for _ in range(requests)]
    for _ in range(dice.randrange(10)):
        await asyncio.sleep(0)
        if dice.random() < 0.5:
            dice.choice(tasks).cancel()
    async with asyncio.timeout(20):
        ended = await asyncio.gather(*tasks, return_exceptions=True)

    cancelled = sum(isinstance(each, asyncio.CancelledError) for each in ended)
    assert served["done"] == requests - cancelled
    assert turns == FairTurns(places, most_each)


@pytest.mark.parametrize("places", [1, 7])
async def test_an_idle_one_keeps_nothing(places: int) -> None:
    """No account that ever asked is remembered."""
    turns = FairTurns(places, places)
    for account in range(100):
        async with turns.turn(account):
            pass

    assert turns == FairTurns(places, places)
