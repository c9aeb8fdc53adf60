"""Which domains have a name of their own in figures: so many and no more."""

from services.dispatcher.decisions.name_domain import LARGE, MOST_NAMED, OTHER, count_by_domain, named_domains


def test_those_with_a_limit_are_named_up_to_a_number() -> None:
    limited = [f"d{number:03}.example" for number in range(MOST_NAMED + 5)]

    assert named_domains(limited) - LARGE == set(limited[:MOST_NAMED])


def test_whatever_has_no_name_is_counted_as_other() -> None:
    people = ["a@Shop.example", "b@shop.example", "c@x.example", "d@y.example"]

    assert count_by_domain(people, {"shop.example"}) == {"shop.example": 2, OTHER: 2}
