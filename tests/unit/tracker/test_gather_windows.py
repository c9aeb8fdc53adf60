"""Which calls follow from what the log says."""

from hypothesis import given
from hypothesis import strategies as st

from services.tracker.decisions.callbacks.gather_windows import EVENTS, MOST_PEOPLE, Subject, Windows, window_of
from shared.delivery_log.segments import HitColumns, Hits
from shared.domain.delivery import Kind

MAIL, TEXT = Subject(7, 1, "email"), Subject(7, 1, "sms")
SECONDS = 30


def hits(*ordinals: int, at_ms: int = 5_000) -> Hits:
    columns = HitColumns()
    for ordinal in ordinals:
        columns.add(ordinal, at_ms)
    return columns.take()


def test_a_channel_tells_its_events_alone() -> None:
    windows = Windows(SECONDS)
    for kind in Kind:
        windows.add(1, MAIL, kind, 0, hits(1))
        windows.add(2, TEXT, kind, 0, hits(1))

    told = [(call.task_id, call.kind.name.lower()) for call in windows.calls()]
    assert [event for task, event in told if task == 1] == ["submitted", "delivered", "bounced", "opened", "clicked"]
    assert [event for task, event in told if task == 2] == ["delivered", "bounced"]


def test_when_is_the_earliest_event_whatever_came_first() -> None:
    windows = Windows(SECONDS)
    windows.add(1, MAIL, Kind.OPENED, 4, hits(1, at_ms=9_000))
    windows.add(1, MAIL, Kind.OPENED, 4, hits(2, at_ms=7_500))
    windows.add(1, MAIL, Kind.OPENED, 4, hits(1, at_ms=8_000))

    (call,) = windows.calls()
    assert (call.first_ms, call.opened, list(call.people)) == (7_500, 4 * SECONDS, [1, 2])


def test_calls_go_by_window_then_by_what_a_recipient_has_first() -> None:
    windows = Windows(SECONDS)
    for number, kind in [(2, Kind.SUBMITTED), (1, Kind.CLICKED), (1, Kind.SUBMITTED), (1, Kind.OPENED)]:
        windows.add(1, MAIL, kind, number, hits(1))

    assert [(call.opened / SECONDS, call.kind) for call in windows.calls()] == [
        (1, Kind.SUBMITTED),
        (1, Kind.OPENED),
        (1, Kind.CLICKED),
        (2, Kind.SUBMITTED),
    ]


def test_what_follows_a_handover_counts_a_second_later() -> None:
    """An opening recorded just before its handover falls into no earlier window."""
    assert window_of(Kind.SUBMITTED, 29.9, SECONDS) == 0
    assert window_of(Kind.OPENED, 28.9, SECONDS) == 0
    assert window_of(Kind.OPENED, 29.9, SECONDS) == window_of(Kind.SUBMITTED, 30.1, SECONDS) == 1


_SEGMENTS = st.lists(
    st.tuples(
        st.sampled_from([1, 2]),
        st.sampled_from(list(Kind)),
        st.integers(0, 3),
        st.lists(st.integers(0, 2500), min_size=1),
    )
)


@given(_SEGMENTS, st.integers(0, 2400))
def test_everybody_is_named_once_in_a_window_and_nobody_is_forgotten(
    segments: list[tuple[int, Kind, int, list[int]]], crowd: int
) -> None:
    """In calls of at most a thousand, whatever comes in whatever order."""
    windows = Windows(SECONDS)
    segments.append((1, Kind.OPENED, 1, list(range(crowd + 1))))
    for task, kind, number, ordinals in segments:
        windows.add(task, MAIL if task == 1 else TEXT, kind, number, hits(*ordinals))
    calls = windows.calls()

    named = [(call.task_id, call.kind, call.opened / SECONDS, who) for call in calls for who in call.people]
    assert len(named) == len(set(named))
    assert set(named) == {
        (task, kind, number, who)
        for task, kind, number, ordinals in segments
        if kind in EVENTS["email" if task == 1 else "sms"]
        for who in ordinals
    }
    assert all(1 <= len(call.people) <= MOST_PEOPLE for call in calls)
