"""Windows of callbacks, as answers spell them."""

from typing import Literal

from typing_extensions import TypedDict

from shared.domain.identifiers import Channel

WindowState = Literal["waiting", "delivered", "parked", "stopped", "empty"]


class WindowAnswer(TypedDict):
    """One call: at most 1,000 people to whom one event happened by one channel in one window, from ``window`` on.

    ``people``: how many. ``when``: the earliest event, as the call says it. ``parked``: given up until redelivery or a
    new URL; ``stopped``: answered with 410; ``empty``: whoever it named was erased. ``attempts`` counts all of them,
    ``last_…`` tell of the last one. ``next_attempt``: of a window that waits behind a failure.
    """

    id: int
    webhook_id: str
    task_id: int
    channel: Channel
    event: str
    window: float
    when: int
    people: int
    state: WindowState
    attempts: int
    last_attempt: float | None
    last_status: int | None
    last_error: str | None
    next_attempt: float | None
