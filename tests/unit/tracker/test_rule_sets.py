"""What the first rule set makes of evidence. It was used, so it never changes: a better one gets a new number."""

import pytest

from services.tracker.decisions.rule_sets import NOT_JUDGED, RULE_SETS, RuleSet
from shared.domain.evidence import Agent, Evidence, Network

PEOPLE = {Agent.NOT_RECORDED, Agent.UNKNOWN, Agent.BROWSER, Agent.MAIL_CLIENT}


@pytest.fixture
def first() -> RuleSet:
    rules = RULE_SETS[1]
    assert rules is not None
    return rules


def test_the_rule_sets_are_those_that_stored_sets_were_built_by() -> None:
    """Number 0 is for what was counted before there was evidence: nobody is judged."""
    assert list(RULE_SETS) == [NOT_JUDGED, 1]
    assert RULE_SETS[NOT_JUDGED] is None


@pytest.mark.parametrize("agent", Agent)
def test_a_program_that_fetches_on_its_own_is_a_machine(first: RuleSet, agent: Agent) -> None:
    """One that says nothing known, or of which nothing was recorded, is not."""
    assert first.looks_human(Evidence(agent, Network.OTHER)) is (agent in PEOPLE)


@pytest.mark.parametrize("network", Network)
def test_a_network_of_machines_makes_a_machine_of_any_browser(first: RuleSet, network: Network) -> None:
    people = network in (Network.NOT_RECORDED, Network.OTHER)

    assert first.looks_human(Evidence(Agent.BROWSER, network)) is people


def test_what_was_fetched_unasked_is_a_machine_s(first: RuleSet) -> None:
    assert not first.looks_human(Evidence(Agent.BROWSER, Network.OTHER, prefetch=True))


def test_classes_of_a_later_version_are_no_machines(first: RuleSet) -> None:
    """As its own rule set 1 says of them: the same number, the same judgement."""
    assert first.looks_human(Evidence(agent=15, network=7))


@pytest.mark.parametrize(
    ("company", "every", "burst"),
    [
        pytest.param(0, False, False, id="one of many links"),
        pytest.param(0, True, False, id="the only link"),
        pytest.param(1, False, False, id="two of many"),
        pytest.param(1, True, True, id="both of two"),
        pytest.param(2, False, True, id="three of many"),
        pytest.param(2, True, True, id="all three"),
        pytest.param(7, False, True, id="eight or more"),
    ],
)
def test_a_burst_is_three_links_or_both_of_two(first: RuleSet, company: int, every: bool, burst: bool) -> None:
    assert first.in_burst(Evidence(Agent.BROWSER, company=company, every=every)) is burst
