"""By which rules evidence is judged: what looks human, and what is a burst. Pure.

A rule set that was ever used stays as it is: the live sets were built by it, and new hits must be judged alike. A
better judgement is a new number, and comes to old sends by a rebuild.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from shared.domain.evidence import Agent, Evidence, Network

#: The number of no rules at all: the sets were built before there were any, and no machine is told from a person.
NOT_JUDGED: Final = 0


@dataclass(frozen=True, slots=True)
class RuleSet:
    looks_human: Callable[[Evidence], bool]  #: one hit, whatever the others were
    in_burst: Callable[[Evidence], bool]  #: a click that looks human and yet is one of a burst


_MACHINES: Final = frozenset(
    {
        Agent.EMPTY,
        Agent.APPLE_PRIVACY,
        Agent.GOOGLE_PROXY,
        Agent.YAHOO_PROXY,
        Agent.MICROSOFT_PREVIEW,
        Agent.LINK_SCANNER,
        Agent.BOT,
        Agent.LIBRARY,
    }
)
_NETWORKS_OF_MACHINES: Final = frozenset({Network.APPLE, Network.GOOGLE, Network.MICROSOFT})
_BURST_COMPANY: Final = 2


def _looks_human(evidence: Evidence) -> bool:
    return not (evidence.prefetch or evidence.agent in _MACHINES or evidence.network in _NETWORKS_OF_MACHINES)


def _in_burst(evidence: Evidence) -> bool:
    """Three links within five seconds, or two where the message has no more. People open two of many like that."""
    return evidence.company >= _BURST_COMPANY or (evidence.every and evidence.company > 0)


RULE_SETS: Final[dict[int, RuleSet | None]] = {NOT_JUDGED: None, 1: RuleSet(_looks_human, _in_burst)}
