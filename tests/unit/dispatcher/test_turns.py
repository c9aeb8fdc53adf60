"""Who makes way for what a rate has granted, when, and for how many."""

from pyroaring import BitMap

from services.dispatcher.sending.held_batch import HeldBatch
from services.dispatcher.sending.journal_records import Hold
from services.dispatcher.sending.turns import TURN_SECONDS, Turns


def batch(number: int, *, granted: bool = False, blocked: bool = False) -> HeldBatch:
    return HeldBatch(
        hold=Hold(1, number, 1),
        attempt=0,
        ordinals=BitMap([number]),
        resent=BitMap(),
        taken_over=False,
        allowed=1,
        lease_until=100.0,
        pace_until=50.0 if granted else None,
        in_doubt="resend",
        blocked=blocked,
    )


class At:
    """A clock that is put on."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_one_longest_at_work_makes_way_for_one_that_was_granted_something() -> None:
    turns, (first, second) = Turns(clock := At()), (batch(1), batch(2))
    turns.begin(first)
    clock.now = TURN_SECONDS
    turns.begin(second)
    turns.wait_for(batch(3, granted=True))

    assert turns.make_way()
    assert (first.halt, second.halt) == ("makes way", None)
    assert turns.make_way()
    assert second.halt is None, "one is enough"


def test_another_one_is_asked_where_the_first_does_not_get_free() -> None:
    turns, (first, second) = Turns(clock := At()), (batch(1), batch(2))
    turns.begin(first)
    turns.begin(second)
    turns.wait_for(batch(3, granted=True))
    clock.now = TURN_SECONDS
    turns.make_way()
    clock.now = 2 * TURN_SECONDS
    turns.make_way()

    assert [first.halt, second.halt] == ["makes way"] * 2


def test_nobody_makes_way_before_his_turn_is_over_nor_for_what_has_a_worker() -> None:
    turns, first = Turns(clock := At()), batch(1)
    granted = batch(2, granted=True)
    turns.begin(first)
    turns.wait_for(granted)
    clock.now = TURN_SECONDS / 2
    assert turns.make_way()
    assert not turns.can_make_way()
    clock.now = TURN_SECONDS
    with turns.free():
        assert not turns.make_way()
    assert not turns.can_make_way(), "what waits already has it"
    turns.begin(granted)

    assert not turns.make_way()
    assert turns.can_make_way()
    assert first.halt is None


def test_what_is_granted_or_comes_to_nothing_takes_no_turn() -> None:
    turns, (granted, halted) = Turns(clock := At()), (batch(1, granted=True), batch(2))
    halted.halt = "paused"
    for each in (granted, halted):
        turns.wait_for(each)
        turns.begin(each)
    turns.wait_for(batch(3, granted=True, blocked=True))
    clock.now = TURN_SECONDS

    assert not turns.make_way(), "of a task of which nothing gets through"
    turns.wait_for(batch(4, granted=True))
    assert turns.make_way()
    assert (granted.halt, halted.halt) == (None, "paused")
    turns.end(granted)
    turns.end(halted)
    assert not turns.can_make_way()
