"""Which recipients a listing names and what it says of them."""

from array import array

from pyroaring import BitMap

from services.api.resources.task.select_contacts import Findings, page_of, select, slices, states_by_ordinal
from shared.delivery_log.segments import Hits
from shared.domain.delivery import Kind

SETS = {kind: BitMap() for kind in Kind} | {
    Kind.SUBMITTED: BitMap([0, 1, 2]),
    Kind.OPENED: BitMap([1, 2]),
    Kind.BOUNCED: BitMap([2]),
    Kind.HELD: BitMap([3]),
    Kind.RESENT: BitMap([1, 3]),
}
AUDIENCE = BitMap(range(5))


def test_filters_hold_together() -> None:
    assert list(select(AUDIENCE, SETS, None, None, None)) == [0, 1, 2, 3, 4]
    assert list(select(AUDIENCE, SETS, "accepted", None, None)) == [0, 1]
    assert list(select(AUDIENCE, SETS, "accepted", "opened", None)) == [1]
    assert list(select(AUDIENCE, SETS, "pending", None, None)) == [4]


def test_who_was_resent_and_then_held_is_held() -> None:
    assert list(select(AUDIENCE, SETS, None, None, "held")) == [3]
    assert list(select(AUDIENCE, SETS, None, None, "resent")) == [1]


def test_pages_go_on_behind_an_ordinal() -> None:
    selected = BitMap([3, 5, 7])

    assert page_of(selected, -1, 2) == (BitMap([3, 5]), True)
    assert page_of(selected, 5, 2) == (BitMap([7]), False)
    assert page_of(selected, 4, None) == (BitMap([5, 7]), False)
    assert page_of(selected, 9, 1) == (BitMap(), False)


def test_slices_are_all_in_order() -> None:
    assert list(slices(BitMap([1, 2, 9]), 2)) == [[1, 2], [9]]


def test_each_has_one_state() -> None:
    assert states_by_ordinal(AUDIENCE, SETS) == {
        0: "accepted",
        1: "accepted",
        2: "bounced",
        3: "in_doubt",
        4: "pending",
    }


def hits(*entries: tuple[int, int, int], notes: tuple[str, ...] = ()) -> Hits:
    ordinals, times, details = zip(*entries, strict=True)
    return Hits(array("I", ordinals), array("Q", times), array("H", details), notes)


def test_the_first_time_counts_whatever_order_hits_come_in() -> None:
    findings = Findings(10, 12)
    findings.add(Kind.OPENED, hits((11, 5000, 0), (9, 1, 0), (13, 1, 0)))
    findings.add(Kind.OPENED, hits((11, 3000, 0), (11, 4000, 0)))

    assert findings.time(Kind.OPENED, 11) == 3.0
    assert findings.time(Kind.OPENED, 10) is None
    assert findings.time(Kind.CLICKED, 11) is None


def test_the_reason_is_the_note_of_the_state() -> None:
    findings = Findings(0, 3)
    findings.add(Kind.DEFERRED, hits((0, 1, 1), (0, 2, 2), notes=("451 wait", "452 full")))
    findings.add(Kind.BOUNCED, hits((1, 1, 1), (2, 1, 0), notes=("550 no",)))

    assert findings.reason("pending", 0) == "452 full"
    assert findings.reason("accepted", 0) is None
    assert findings.reason("bounced", 1) == "550 no"
    assert findings.reason("bounced", 2) is None
