"""How often an account may call: per method within a minute, over all replicas."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.api.problem import Problem
from shared.postgres.database import Database
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))

#: A minute: 300 and 40 a second.
ALLOWED: Final = {"GET": 18_000, "POST": 2_400}


@dataclass(frozen=True, slots=True)
class Counted:
    """``reset``: unix seconds at which counting begins anew."""

    limit: int
    calls: int
    reset: int
    seconds_left: float

    @property
    def headers(self) -> dict[str, str]:
        return {
            "X-Rate-Limit-Limit": str(self.limit),
            "X-Rate-Limit-Remaining": str(max(0, self.limit - self.calls)),
            "X-Rate-Limit-Reset": str(self.reset),
        }

    def problem(self) -> Problem | None:
        """None while there is room."""
        if self.calls <= self.limit:
            return None
        pause = max(1, math.ceil(self.seconds_left))
        return Problem(429, f"more than {self.limit} calls within a minute", headers={"Retry-After": str(pause)})


async def count_call(database: Database, account_id: int, method: str) -> Counted:
    """Raises DatabaseError."""
    [row] = await database.fetch(QUERIES["count_call"], account_id, f"job {method}")
    return Counted(ALLOWED[method], row["calls"], row["ends"], row["seconds_left"])


def uncounted(method: str, now: float) -> Counted:
    """Of whoever did not say who he is."""
    reset = (int(now) // 60 + 1) * 60
    return Counted(ALLOWED.get(method, ALLOWED["POST"]), 0, reset, reset - now)
