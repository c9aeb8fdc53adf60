"""What an operator allows at a relay and at recipient domains, read from the settings. Pure.

``SMTP_LIMITS``: ``connections=40 rate=100 messages_per_connection=100``, each of them optional. ``DOMAIN_LIMITS``:
domains that share a limit, and the limit, separated by semicolons: ``gmail.com,googlemail.com connections=10 rate=20;
example.org rate=0.5``. Rates are messages a second.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.domain.email_address import to_envelope

_WHOLE: Final = frozenset({"connections", "messages_per_connection"})


@dataclass(frozen=True, slots=True)
class Limit:
    """What all dispatchers together may do; None: as much as they like."""

    connections: int | None = None
    rate: float | None = None  #: messages a second


@dataclass(frozen=True, slots=True)
class TransportLimit:
    limit: Limit = Limit()
    messages_per_connection: int | None = None


@dataclass(frozen=True, slots=True)
class DomainLimits:
    """``group_of``: domain -> the name of its group; ``limits`` by that name."""

    group_of: Mapping[str, str]
    limits: Mapping[str, Limit]


def read_transport_limit(text: str) -> TransportLimit | list[str]:
    """Every fault, or what it says."""
    numbers = _numbers(text.split(), ("connections", "rate", "messages_per_connection"))
    if isinstance(numbers, list):
        return numbers
    most = numbers.get("messages_per_connection")
    return TransportLimit(_limit(numbers), None if most is None else int(most))


def read_domain_limits(text: str) -> DomainLimits | list[str]:
    """Every fault, or what it says; the empty text limits nobody."""
    group_of: dict[str, str] = {}
    limits: dict[str, Limit] = {}
    faults: list[str] = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        names, *words = part.split()
        domains = [domain.strip().lower() for domain in names.split(",")]
        faults += [f"{domain!r} is no domain" for domain in domains if to_envelope(f"a@{domain}") is None]
        faults += [f"{domain} has two limits" for domain in domains if domain in group_of]
        numbers = _numbers(words, ("connections", "rate"))
        if isinstance(numbers, list):
            faults += [f"{names}: {fault}" for fault in numbers]
        elif not numbers:
            faults.append(f"{names}: connections= or rate= is missing")
        else:
            group_of |= dict.fromkeys(domains, domains[0])
            limits[domains[0]] = _limit(numbers)
    return faults or DomainLimits(group_of, limits)


def _limit(numbers: Mapping[str, float]) -> Limit:
    connections = numbers.get("connections")
    return Limit(None if connections is None else int(connections), numbers.get("rate"))


def _numbers(words: list[str], known: tuple[str, ...]) -> dict[str, float] | list[str]:
    found: dict[str, float] = {}
    faults = []
    for word in words:
        name, _, value = word.partition("=")
        if name not in known:
            faults.append(f"{name!r} is not known: {', '.join(known)} are")
        elif name in found:
            faults.append(f"{name} is given twice")
        elif fault := _number_fault(name, value):
            faults.append(f"{name}={value}: {fault}")
        else:
            found[name] = float(value)
    return faults or found


def _number_fault(name: str, value: str) -> str | None:
    try:
        number = float(value)
    except ValueError:
        return "not a number"
    if not (math.isfinite(number) and number > 0):
        return "must be more than 0"
    return "must be whole" if name in _WHOLE and not number.is_integer() else None
