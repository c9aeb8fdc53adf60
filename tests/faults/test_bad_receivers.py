"""Receivers of callbacks that fail in every way: all is told in the end, in order, a repeat as the call before."""

import random
from collections.abc import AsyncIterator
from typing import Final

import pytest

from shared.domain.delivery import Kind
from shared.postgres.database import Database
from tests.faults.auditing import WITHOUT_EVENTS, nothing_found
from tests.faults.measured import Measured
from tests.integration.tracker.called_back import Post, Told, add_account, add_campaign, address, post_on, tell, told_by
from tests.sinks.receiver import OK, Receiver, Request, status

#: None: the connection is cut.
FAILURES: Final = (
    status(500),
    status(404),
    status(429, "Retry-After: 60\r\n"),
    status(302, "Location: http://169.254.169.254/latest/meta-data/\r\n"),
    b"SSH-2.0-nothing\r\n\r\n",
    None,
)
EVENTS: Final = (Kind.SUBMITTED, Kind.DELIVERED, Kind.OPENED, Kind.CLICKED)
HOUR = 3600.0
MOST_IN_A_ROW = 4  #: failures: after ten it is parked, and a cut connection may cost two


@pytest.fixture
async def post(database_url: str) -> AsyncIterator[Post]:
    database = await Database.connect(database_url)
    await add_account(database)
    await database.close()
    async with post_on(database_url) as post:
        yield post


class Flapping:
    """Two of three answers are failures by chance, not too many in a row; ``taken``: the calls that it said it took."""

    def __init__(self, dice: random.Random) -> None:
        self.dice, self.failures, self.in_a_row = dice, 0, 0
        self.taken: list[Told] = []

    async def __call__(self, request: Request) -> bytes | None:
        if self.dice.randrange(3) and self.in_a_row < MOST_IN_A_ROW:
            self.failures += 1
            self.in_a_row += 1
            if (failure := self.dice.choice(FAILURES)) is None:
                raise ConnectionResetError
            return failure
        self.in_a_row = 0
        self.taken.append(told_by(request))
        return OK


@pytest.mark.fault(
    "F31",
    "a receiver of callbacks fails in every way",
    expects="each event told once it answers, in order, repeats alike",
)
async def test_a_receiver_that_flaps_is_told_all(
    post: Post, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """An hour passes between attempts, and none is parked; what was taken is not told again."""
    receivers: list[Receiver] = []
    for campaign in range(1, rounds + 1):
        flapping = Flapping(dice)
        async with Receiver(flapping) as receiver:
            (task,) = await add_campaign(post.database, campaign, receiver.url)
            for kind in EVENTS:
                await tell(post, task, kind)
                await post.deliver()
            while any(window["state"] != "delivered" for window in await post.windows()):
                await post.let_time_pass(HOUR)
                await post.deliver()

        receivers.append(receiver)
        bodies: dict[str, set[bytes]] = {}
        for request in receiver.requests:
            bodies.setdefault(request.headers["webhook-id"], set()).add(request.body)
        measured.add(rounds=1, failures=flapping.failures, repeats=len(receiver.requests) - len(bodies), lost=0)
        assert [told.event for told in flapping.taken] == ["submitted", "delivered", "opened", "clicked"]
        assert {told.people for told in flapping.taken} == {tuple(address("email", ordinal) for ordinal in range(3))}
        assert [len(told) for told in bodies.values()] == [1] * len(EVENTS)
    await nothing_found(post.database, *receivers, leaving_out=(*WITHOUT_EVENTS, "not before its time"))
