"""What a batch of posted subscribers makes of those known."""

from typing import Any

import pytest

from services.api.resources.subscriber.plan_upsert import Person, Plan, Suppressions, Wish, plan_upsert


def wish(line: int, email: str | None = None, telephone: str | None = None, **given: Any) -> Wish:
    facts = {"external_id": None, "vars": {}, "confirmed": True, "source": None, "consent": None, **given}
    return Wish(line=line, email=email, telephone=telephone, **facts)


def plan(*wishes: Wish, known: tuple[Person, ...] = ()) -> Plan:
    return plan_upsert(wishes, known, range(100, 200))


def counts(made: Plan) -> tuple[int, int, int]:
    return made.created, made.updated, made.skipped


def test_an_unknown_address_is_a_new_person() -> None:
    made = plan(wish(1, "a@x.org"), wish(2, "b@x.org"))

    assert counts(made) == (2, 0, 0)
    assert made.ids == {1: 100, 2: 101}


def test_an_address_known_ignoring_case_is_updated_and_kept_as_it_was_given_first() -> None:
    made = plan(wish(1, "ANN@x.org", vars={"a": 1}), known=(Person(7, "ann@x.org"),))

    assert counts(made) == (0, 1, 0)
    assert (made.changed[7].email, made.changed[7].vars, made.ids) == ("ann@x.org", {"a": 1}, {1: 7})


def test_lines_of_one_batch_with_one_address_are_one_person() -> None:
    made = plan(wish(1, "a@x.org", vars={"a": 1, "b": 1}), wish(2, "A@x.org", vars={"b": 2}))

    assert counts(made) == (1, 1, 0)
    assert made.ids == {1: 100, 2: 100}
    assert [person.vars for person in made.new] == [{"a": 1, "b": 2}]
    assert made.changed == {}


def test_whoever_has_left_is_left_alone() -> None:
    made = plan(wish(1, "a@x.org", vars={"a": 1}), known=(Person(7, "a@x.org", held=True),))

    assert counts(made) == (0, 0, 1)
    assert (made.new, made.changed, made.ids) == ([], {}, {1: 7})


def test_keys_of_two_people_in_one_line_are_a_fault_of_that_line() -> None:
    made = plan(wish(1, "a@x.org", "+491"), wish(2, "c@x.org"), known=(Person(7, "a@x.org"), Person(8, None, "+491")))

    assert [(line, fault.field) for line, fault in made.faults] == [(1, "telephone")]
    assert (counts(made), made.ids) == ((1, 0, 0), {2: 100})


def test_the_external_id_finds_a_person_whose_address_changed() -> None:
    made = plan(
        wish(1, "new@x.org", external_id="e1"),
        wish(2, "old@x.org"),
        known=(Person(7, "old@x.org", external_id="e1"),),
    )

    assert made.changed[7].email == "new@x.org"
    assert made.ids == {1: 7, 2: 100}


def test_a_line_adds_what_it_knows_more() -> None:
    made = plan(wish(1, "a@x.org", "+491", source="form"), known=(Person(7, "a@x.org"),))

    assert (made.changed[7].telephone, made.changed[7].source) == ("+491", "form")


def test_confirmed_once_is_confirmed() -> None:
    made = plan(wish(1, "a@x.org", confirmed=True), wish(2, "a@x.org", confirmed=False))

    assert made.new[0].confirmed


A, TELEPHONE = ("email", "a@x.org"), ("telephone", "+491")


@pytest.mark.parametrize(
    ("wanted", "refused", "held", "skipped"),
    [
        pytest.param(wish(1, "A@x.org"), {A}, {A}, 1, id="his own word"),
        pytest.param(wish(1, "a@x.org"), set(), {A}, 1, id="a reason of ours"),
        pytest.param(wish(1, "a@x.org", "+491"), set(), {A}, 0, id="the telephone is left"),
        pytest.param(wish(1, "a@x.org", "+491"), set(), {A, TELEPHONE}, 1, id="neither is left"),
        pytest.param(wish(1, "a@x.org", "+491"), {A}, {A}, 1, id="his own word goes for all his addresses"),
        pytest.param(wish(1, "b@x.org", external_id="a@x.org"), {A}, {A}, 0, id="somebody else"),
    ],
)
def test_a_line_that_may_not_be_written_to_is_skipped(
    wanted: Wish, refused: set[tuple[str, str]], held: set[tuple[str, str]], skipped: int
) -> None:
    """Known or not: nobody is made and nothing changes; who is not known has no id."""
    suppressions = Suppressions(frozenset(refused), frozenset(held))
    stranger = plan_upsert([wanted], (), range(100, 200), suppressions)
    known = plan_upsert([wanted], (Person(7, wanted.email),), range(100, 200), suppressions)

    assert (counts(stranger), counts(known)) == ((1 - skipped, 0, skipped), (0, 1 - skipped, skipped))
    assert (stranger.ids, known.ids) == ({} if skipped else {1: 100}, {1: 7})
