"""What a wanted change makes of one person, as he stands: his addresses, his values, what he said no to. Pure.

A PUT is the explicit word that a POST is not: it lifts what the person once wished. ``ended: null`` and ``confirmed:
true`` put him back on the list, ``optout: none`` takes an opt-out back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from shared.domain.identifiers import Channel
from shared.domain.refusal import Fault, Refused

#: Opt-outs that still permit messages of class service.
_OF_MARKETING: Final = frozenset({"blast", "basic"})


@dataclass(frozen=True, slots=True)
class Standing:
    """``ended`` and ``confirmed``: of the subscription that is changed with him, if any."""

    email: str | None
    telephone: str | None
    external_id: str | None
    vars: Mapping[str, Any]
    optout: str
    ended: bool = False
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Changed:
    """``lost``: channels he can be written to by no longer. ``gained``: of those with an address he had not before.

    ``permits``: an opt-out is taken back or becomes another one. ``says_no``: he opts out now, of marketing alone if
    ``marketing_only``.
    """

    after: Standing
    lost: tuple[Channel, ...]
    gained: tuple[Channel, ...]
    rejoins: bool
    permits: bool
    says_no: bool
    marketing_only: bool


def plan_change(before: Standing, given: Mapping[str, Any]) -> Changed | Refused:
    """``given``: what is wanted of each field that is named."""
    after = replace(before, **{name: given[name] for name in ("email", "telephone", "external_id") if name in given})
    if before.email and after.email and before.email.lower() == after.email.lower():
        after = replace(after, email=before.email)  # kept as it was given first
    if after.email is None and after.telephone is None:
        return Refused.invalid(Fault("email", "email or telephone must be left"))
    if given.get("confirmed") is False and before.confirmed:
        return Refused.conflict("once confirmed stays confirmed", "confirmed")
    optout = given.get("optout", before.optout)
    rejoins = "ended" in given or given.get("confirmed") is True
    after = replace(
        after,
        vars=_merged(before.vars, given.get("vars", {})),
        optout=optout,
        confirmed=given.get("confirmed", before.confirmed),
        ended=before.ended and not rejoins,
    )
    lost, gained = _moved(before, after)
    differs = optout != before.optout
    return Changed(
        after,
        lost,
        gained,
        rejoins=rejoins,
        permits=differs or given.get("optout") == "none",
        says_no=differs and optout != "none",
        marketing_only=optout in _OF_MARKETING,
    )


def _merged(known: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Given values replace, others stay; null takes one away."""
    return {name: value for name, value in {**known, **given}.items() if name not in given or value is not None}


def _moved(before: Standing, after: Standing) -> tuple[tuple[Channel, ...], tuple[Channel, ...]]:
    ways: tuple[tuple[Channel, str | None, str | None], ...] = (
        ("email", before.email, after.email),
        ("sms", before.telephone, after.telephone),
    )
    lost = tuple(channel for channel, old, new in ways if old and not new)
    return lost, tuple(channel for channel, old, new in ways if new and new != old)
