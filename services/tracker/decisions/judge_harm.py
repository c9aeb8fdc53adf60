"""Does a task do more harm than good? The shares of its hard bounces and its complaints say so. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from shared.domain.task import Harm, PauseTask


@dataclass(frozen=True, slots=True)
class HarmLimits:
    """Per cent of the accepted messages; what is not above a limit is borne. 0 anywhere: that is not watched."""

    after: int  #: so many accepted messages are waited for
    bounce_percent: Decimal
    complaint_percent: Decimal


@dataclass(frozen=True, slots=True)
class Figures:
    """Recipients of a task, each counted once."""

    accepted: int
    hard_bounced: int
    complained: int


def judge_harm(figures: Figures, limits: HarmLimits) -> Iterator[PauseTask]:
    """Each reason to pause the task, the gravest first: whoever complains was reached and did not want it."""
    if not limits.after or figures.accepted < limits.after:
        return
    watched: tuple[tuple[Harm, str, int, Decimal], ...] = (
        ("complaints", "complaints", figures.complained, limits.complaint_percent),
        ("bounces", "hard bounces", figures.hard_bounced, limits.bounce_percent),
    )
    for cause, name, count, percent in watched:
        if percent and count * 100 > percent * figures.accepted:
            share = Decimal(count * 100) / figures.accepted
            yield PauseTask(
                cause, f"{count} {name} of {figures.accepted} accepted messages: {share:.2f} %, more than {percent} %"
            )
