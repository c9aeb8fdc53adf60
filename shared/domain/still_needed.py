"""What stands in the way of removing a list, a search, a message or a domain: what is yet to be sent with it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from shared.domain.refusal import Refused

Kind = Literal["task", "split test"]

MOST_NAMED: Final = 3  #: tasks and split tests that a refusal names


@dataclass(frozen=True, slots=True)
class StillNeeded:
    """``named``: what needs it, as far as the caller may see it and a refusal names it; ``more``: whether anything
    beside these does, seen or not.
    """

    named: tuple[tuple[Kind, int], ...] = ()
    more: bool = False

    def refusal(self) -> Refused | None:
        """None: nothing needs it."""
        if not self.named and not self.more:
            return None
        words = [f"{kind} {number}" for kind, number in self.named] + ["others"] * self.more
        said = " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
        return Refused.conflict(f"it is still needed by {said}")


def still_needed(needing: Iterable[tuple[Kind, int, bool]]) -> StillNeeded:
    """``needing``: kind, id, and whether the caller may see it; the same one may come twice. Where there are many, some
    of them suffice: ``MOST_NAMED`` that may be seen and one more.
    """
    known = sorted(set(needing), key=lambda each: (not each[2], each[0] != "task", each[1]))
    named = tuple((kind, number) for kind, number, seen in known if seen)[:MOST_NAMED]
    return StillNeeded(named, more=len(known) > len(named))
