"""Keys that are guessed: how long a refusal takes tells nothing of how near a guess was."""

import hmac
import random
from math import sqrt
from statistics import mean, variance
from time import perf_counter_ns

import pytest

from services.api.authenticate import Authenticator
from shared.postgres.database import Database
from tests.faults.measured import Measured
from tests.integration.api.conftest import Client

SAMPLES = 1_000  #: of each guess, in each round


class Watched:
    """The database, and how often it was asked."""

    def __init__(self, database: Database) -> None:
        self._database, self.asked = database, 0

    async def fetch_row(self, query: str, *arguments: object) -> object:
        self.asked += 1
        return await self._database.fetch_row(query, *arguments)


def guesses(key: str) -> dict[str, str]:
    """Wrong at once, wrong in its last sign, and of a key that nobody has."""
    head, secret = key[:11], key[12:]
    other = "A" if secret[0] != "A" else "B"
    last = "A" if secret[-1] != "A" else "B"
    return {"far": f"{head}_{other * 32}", "near": f"{head}_{secret[:-1]}{last}", "unknown": f"pr_aaaaaaaa_{secret}"}


async def test_every_wrong_key_costs_the_same(
    client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One look into the database and a comparison in constant time, also right after the key itself was used."""
    watched, compared = Watched(database), list[tuple[int, int]]()
    real = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return real(one, other)

    authenticator = Authenticator(watched, lambda: 0.0)  # type: ignore[arg-type]  # - counts, and asks the real one
    assert await authenticator.find_caller(f"Bearer {client.key}") is not None
    monkeypatch.setattr(hmac, "compare_digest", compare)
    costs = {}
    for name, key in guesses(str(client.key)).items():
        watched.asked, compared[:] = 0, []
        assert await authenticator.find_caller(f"Bearer {key}") is None
        costs[name] = (watched.asked, {*compared})

    assert costs["far"] == costs["near"] == costs["unknown"] == (1, {(32, 32)})


@pytest.mark.fault(
    "F36",
    "keys that are wrong at once, and keys that are wrong in their last sign",
    expects="no difference in time: Welch's t below 4.5 of 20,000 samples",
)
async def test_a_near_guess_takes_no_longer_than_a_far_one(
    client: Client, database: Database, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """Refused both, each time; the times are measured, a busy machine decides nothing."""
    authenticator, keys = Authenticator(database, lambda: 0.0), guesses(str(client.key))
    times: dict[str, list[int]] = {"far": [], "near": []}
    for name in dice.sample(["far", "near"] * SAMPLES * rounds, 2 * SAMPLES * rounds):
        began = perf_counter_ns()
        found = await authenticator.find_caller(f"Bearer {keys[name]}")
        times[name].append(perf_counter_ns() - began)
        assert found is None
    kept = [sorted(each)[: len(each) * 9 // 10] for each in times.values()]  # the slowest tell of the machine
    t = abs(mean(kept[0]) - mean(kept[1])) / sqrt(sum(variance(each) / len(each) for each in kept))
    measured.add(samples=2 * SAMPLES * rounds, taken=0, most_t_in_hundredths=round(100 * t), rounds=rounds)
