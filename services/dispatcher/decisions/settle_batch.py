"""What becomes of each ordinal of a batch when its attempt is over: nobody is left out, nobody is there twice."""

from dataclasses import dataclass, field

from pyroaring import BitMap

from shared.domain.task import InDoubtPolicy


@dataclass(frozen=True, slots=True)
class Tally:
    """What is known of a batch. ``final``: has its outcome; ``deferred``: refused for now; ``doubtful``: final dot
    sent and no reply read; ``resent``: was in doubt at an earlier attempt. Whoever is in none of them was not sent.
    """

    ordinals: BitMap
    final: BitMap = field(default_factory=BitMap)
    deferred: BitMap = field(default_factory=BitMap)
    doubtful: BitMap = field(default_factory=BitMap)
    resent: BitMap = field(default_factory=BitMap)


@dataclass(frozen=True, slots=True)
class Settlement:
    """``retry`` becomes a batch of the next attempt, ``remaining`` stays in this one (``resend`` is part of it)."""

    failed: BitMap
    retry: BitMap
    resend: BitMap
    held: BitMap
    cancelled: BitMap
    remaining: BitMap


def settle(tally: Tally, policy: InDoubtPolicy, *, retries_left: bool, cancelled: bool) -> Settlement:
    """The six sets are disjoint but for ``resend``, and with ``final`` they make up the batch. ``cancelled``: the task
    has its end, by that or because it has expired.

    In doubt is resent once, if the task says so and still runs; whoever is in doubt again is held: two copies at
    most. So is whoever was in doubt and is not reached any more: nobody knows that he was not sent to.
    """
    doubtful = (tally.doubtful & tally.ordinals) - tally.final
    deferred = (tally.deferred & tally.ordinals) - tally.final - doubtful
    unsent = tally.ordinals - tally.final - doubtful - deferred
    resend = BitMap() if cancelled or policy == "hold" else doubtful - tally.resent
    nobody = BitMap()
    ended = unsent | deferred if cancelled else nobody
    return Settlement(
        failed=nobody if retries_left or cancelled else deferred,
        retry=deferred if retries_left and not cancelled else nobody,
        resend=resend,
        held=(doubtful - resend) | (ended & tally.resent),
        cancelled=ended - tally.resent,
        remaining=resend if cancelled else unsent | resend,
    )


def unsent(ordinals: BitMap) -> Settlement:
    """Nothing was begun: all of them stay."""
    return settle(Tally(ordinals), "hold", retries_left=True, cancelled=False)
