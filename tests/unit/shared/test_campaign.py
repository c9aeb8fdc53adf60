"""The states of a campaign: every edge there is and every one there is not, from one table."""

from dataclasses import replace
from itertools import product
from typing import Any, Final, get_args

import pytest

from shared.domain.campaign import (
    CampaignChanged,
    CampaignDelayed,
    CampaignFailed,
    CampaignRemoved,
    CampaignStarted,
    Event,
    PayloadRemoved,
    State,
    replay,
)
from shared.domain.campaign_commands import (
    ChangeCampaign,
    Command,
    EndCampaign,
    EndedTask,
    Known,
    ReadyCampaign,
    RemoveCampaign,
    RemovePayload,
    StartCampaign,
)
from shared.domain.decide_campaign import decide
from shared.domain.identifiers import Instant, PayloadId, SearchId, TaskId
from shared.domain.refusal import Fault, Refused
from tests.unit.shared.campaign_histories import (
    COMPLETED,
    CREATED,
    DRAFTED,
    ENDED,
    HELD_BACK,
    IN,
    KNOWN,
    LATER,
    NOON,
    PLANNED,
    READIED,
    SCHEDULED,
    STARTED,
)

STATES: Final[tuple[State, ...]] = get_args(State)
#: Who goes where, and by which event.
CLIENT_EDGES: dict[tuple[State, State], Event] = {
    ("DRAFT", "SCHEDULED"): SCHEDULED,
    ("SCHEDULED", "DRAFT"): DRAFTED,
    ("SCHEDULED", "READY"): READIED,
    ("READY", "SCHEDULED"): HELD_BACK,
}
FAILED = CampaignFailed("every task failed: task 20: no; task 21: never", NOON)
WISHES: dict[str, tuple[Command, dict[State, tuple[State, Event]]]] = {
    "to be READY": (ReadyCampaign(LATER, KNOWN), {"SCHEDULED": ("READY", READIED)}),
    "to start": (StartCampaign(LATER, KNOWN, CREATED.segments, PLANNED), {"READY": ("SENDING", STARTED)}),
    "to end": (EndCampaign(ENDED), {"SENDING": ("DONE", COMPLETED)}),
    "to end in ERROR": (
        EndCampaign((EndedTask(TaskId(20), "no"), EndedTask(TaskId(21), "never"))),
        {"SENDING": ("ERROR", FAILED)},
    ),
}
GONE = replace(KNOWN, lists=frozenset(), messages={10: "email"})
WHAT_IS_GONE = "payloads: message 11 is gone; list: there is no list 5"


def put(known: Known = KNOWN, **wanted: Any) -> ChangeCampaign:
    """A PUT of just these."""
    return ChangeCampaign(fields=frozenset(wanted), known=known, **wanted)


def after(state: State, *events: Event) -> State:
    return replay([*IN[state], *events]).state


@pytest.mark.parametrize(("state", "target"), [*product(STATES, STATES)])
def test_a_client_goes_along_four_edges_and_no_other(state: State, target: State) -> None:
    """36 pairs: those of the table are moves, the same state again is no change, the rest are conflicts."""
    found = decide(replay(IN[state]), put(state=target), NOON)

    if (edge := CLIENT_EDGES.get((state, target))) is not None:
        assert found == [edge]
        assert after(state, edge) == target
    elif state == target:
        assert found == []
    else:
        assert isinstance(found, Refused)
        assert found.because == "conflict"
        assert [fault.field for fault in found.faults] == ["state"]


@pytest.mark.parametrize(("wish", "state"), [*product(WISHES, STATES)])
def test_the_service_goes_along_four_edges_and_no_other(wish: str, state: State) -> None:
    """24 pairs of a wish and a state: where the table names no edge, nothing happens."""
    command, edges = WISHES[wish]
    target, event = edges.get(state, (state, None))

    assert decide(replay(IN[state]), command, NOON) == ([] if event is None else [event])
    assert after(state, *([event] if event else [])) == target


@pytest.mark.parametrize("state", STATES)
def test_it_can_be_removed_until_sending_starts(state: State) -> None:
    found = decide(replay(IN[state]), RemoveCampaign(), NOON)

    if state in ("DRAFT", "SCHEDULED", "READY"):
        assert found == [CampaignRemoved(NOON)]
    else:
        assert isinstance(found, Refused)
        assert found.because == "conflict"


def test_what_was_removed_is_not_there_any_more() -> None:
    removed = replay([*IN["DRAFT"], CampaignRemoved(NOON)])
    commands = (put(name="x"), RemoveCampaign(), WISHES["to be READY"][0])

    for command in commands:
        assert decide(removed, command, NOON) == Refused.not_found("there is no such campaign")
        assert decide(replay([]), command, NOON) == Refused.not_found("there is no such campaign")


def test_one_that_was_held_back_stays_until_a_client_moves_it_or_its_time() -> None:
    """And one that came from DRAFT was never held back."""
    ready = WISHES["to be READY"][0]
    back = [*IN["READY"], HELD_BACK]
    later = CampaignChanged(CREATED.name, CREATED.domain_id, CREATED.segments, Instant(LATER + 1))
    renamed = replace(later, name="Summer", when=LATER)

    assert decide(replay(back), ready, NOON) == []
    assert decide(replay([*back, renamed]), ready, NOON) == []
    assert decide(replay([*back, later]), ReadyCampaign(Instant(LATER + 1), KNOWN), NOON) == [READIED]
    assert decide(replay([*back, DRAFTED, SCHEDULED]), ready, NOON) == [READIED]
    assert decide(replay(back), put(state="READY"), NOON) == [READIED]


def test_while_something_is_missing_it_stays_scheduled_and_says_so_once() -> None:
    """Another thing that is missing is said anew; once all is there, nothing is."""
    ready = ReadyCampaign(LATER, GONE)
    delayed = CampaignDelayed(WHAT_IS_GONE, NOON)
    scheduled = [*IN["SCHEDULED"], delayed]
    gone_too = replace(GONE, domains={2: False})

    assert decide(replay(IN["SCHEDULED"]), ready, NOON) == [delayed]
    assert (replay(scheduled).state, replay(scheduled).error) == ("SCHEDULED", WHAT_IS_GONE)
    assert decide(replay(scheduled), ready, NOON) == []
    assert decide(replay(scheduled), ReadyCampaign(LATER, gone_too), NOON) == [
        CampaignDelayed(
            "payloads: message 11 is gone; domain: domain 2 takes no bounces, or DNS does not show it; "
            "list: there is no list 5",
            NOON,
        )
    ]
    assert replay([*scheduled, READIED]).error is None


@pytest.mark.parametrize(
    "event", [DRAFTED, CampaignChanged("Spring", CREATED.domain_id, CREATED.segments, Instant(LATER + 1))]
)
def test_what_was_missing_is_forgotten_with_its_time(event: Event) -> None:
    assert replay([*IN["SCHEDULED"], CampaignDelayed("x", NOON), event]).error is None


def test_one_that_cannot_start_goes_through_sending_to_error() -> None:
    """Without a task, and says what was gone."""
    found = decide(replay(IN["READY"]), StartCampaign(LATER, GONE, CREATED.segments, ()), NOON)

    assert found == [CampaignStarted((), NOON), CampaignFailed(WHAT_IS_GONE, NOON)]
    assert replay([*IN["READY"], *found]).error == WHAT_IS_GONE


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(StartCampaign(LATER, KNOWN, CREATED.segments[:1], PLANNED), id="a start for other segments"),
        pytest.param(StartCampaign(LATER, KNOWN, CREATED.segments, PLANNED[:1]), id="a start with a payload less"),
        pytest.param(StartCampaign(NOON, KNOWN, CREATED.segments, PLANNED), id="a start at another time"),
    ],
)
def test_what_was_found_before_a_change_starts_nothing(command: StartCampaign) -> None:
    assert decide(replay(IN["READY"]), command, NOON) == []


def test_what_was_not_asked_for_is_not_missing() -> None:
    """Somebody added a payload since it was looked up: the service looks again, and a client is told to ask again."""
    before = replace(KNOWN, asked=replace(KNOWN.asked, messages=frozenset({10})), messages={10: "email"})

    assert decide(replay(IN["SCHEDULED"]), ReadyCampaign(LATER, before), NOON) == []
    assert decide(replay(IN["READY"]), StartCampaign(LATER, before, CREATED.segments, PLANNED), NOON) == []
    assert decide(replay(IN["SCHEDULED"]), put(before, state="READY"), NOON) == Refused.conflict(
        "somebody changed it at the same moment: ask again"
    )


def test_a_time_that_moved_meanwhile_makes_nothing_ready() -> None:
    assert decide(replay(IN["SCHEDULED"]), ReadyCampaign(NOON, KNOWN), NOON) == []


def test_it_is_done_if_one_task_reached_somebody() -> None:
    one = EndCampaign((EndedTask(TaskId(20), "cancelled"), EndedTask(TaskId(21), None)))

    assert decide(replay(IN["SENDING"]), one, NOON) == [COMPLETED]
    assert decide(replay(IN["SENDING"]), EndCampaign(one.tasks[:1]), NOON) == [], "not all of its tasks"


def test_ready_says_all_that_is_missing() -> None:
    bare = replay([replace(CREATED, domain_id=None, when=None, segments=tuple(map(SearchId, (4, 99, 7))))])
    found = decide(
        replace(bare, state="SCHEDULED"), put(Known(KNOWN.asked, segments={4: 5, 7: 8}), state="READY"), NOON
    )

    assert found == Refused(
        "conflict",
        (
            Fault("payloads", "READY needs it: there is none"),
            Fault("list", "READY needs it: there is no list 5"),
            Fault("segments", "READY needs it: there is no segment 99"),
            Fault("segments", "READY needs it: segment 7 is not of list 5"),
            Fault("domain", "READY needs it: is not named"),
            Fault("when", "READY needs it: is not set"),
        ),
    )


def test_the_last_payload_of_what_is_ready_stays() -> None:

    one = replay([*IN["READY"], PayloadRemoved(PayloadId(2))])

    assert isinstance(decide(one, RemovePayload(PayloadId(1)), NOON), Refused)
    assert decide(replace(one, state="SCHEDULED"), RemovePayload(PayloadId(1)), NOON) == [PayloadRemoved(PayloadId(1))]
