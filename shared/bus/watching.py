"""When to wait, and when a connection that looks well is not. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """The most seconds that each step may take."""

    step: float = 5.0  #: connecting, declaring, acknowledging, closing
    hint: float = 1.0
    events: float = 10.0  #: for each hundred
    look: float = 10.0  #: between two looks whether a connection still works
    pause: float = 5.0  #: between two attempts to connect


@dataclass(frozen=True, slots=True)
class Look:
    """What a consumer saw of its queue and of itself."""

    waiting: int  #: messages that no consumer holds
    arrived: int  #: messages that ever came to this one
    busy: bool


def pause_after(failures: int, longest: float) -> float:
    """Seconds before the next attempt: 0.1, 0.2, 0.4 … at most `longest`."""
    return float(min(longest, 0.05 * 2 ** min(failures, 16)))


def has_stalled(before: Look, now: Look) -> bool:
    """Messages were waiting both times, this consumer was free both times, and none came to it in between."""
    idle = not before.busy and not now.busy and before.arrived == now.arrived
    return idle and before.waiting > 0 and now.waiting > 0
