"""What a query says of a person, worked out one by one in plain Python: what the database must say as well."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, assert_never

from shared.domain.identifiers import Channel, Instant
from shared.domain.moment_words import moment_of
from shared.domain.subscriber_query import (
    Bounced,
    Condition,
    Engagement,
    InDomain,
    IsValid,
    LastSeen,
    NotOnList,
    Opens,
    OptedOut,
    Query,
    SignedUp,
    VarCompares,
    VarEquals,
    VarExists,
    Window,
)
from tests.queries import NOW

AT = Instant(NOW)
MOMENT = datetime.fromtimestamp(NOW, UTC)


@dataclass
class Subscription:
    confirmed: bool
    ended: bool
    signup: datetime

    @property
    def alive(self) -> bool:
        return self.confirmed and not self.ended


@dataclass
class Suppression:
    channel: Channel
    address: str
    reason: str
    list_id: int | None = None
    marketing_only: bool = False


@dataclass
class Person:
    id: int
    email: str | None
    telephone: str | None
    vars: dict[str, Any]
    optout: str
    known_since: datetime
    subscriptions: dict[int, Subscription] = field(default_factory=dict)  #: by list
    suppressions: list[Suppression] = field(default_factory=list)
    opens: int = 0
    last_open: datetime | None = None
    last_click: datetime | None = None
    last_soft_bounce: datetime | None = None
    opens_by_day: dict[date, int] = field(default_factory=dict)

    def on(self, list_id: int | None) -> bool:
        return list_id in self.subscriptions and self.subscriptions[list_id].alive

    def suppressed_for(self, reason: str) -> bool:
        channel, address = ("email", self.email) if self.email else ("sms", self.telephone)
        return any(
            held.reason == reason
            and held.list_id is None
            and (held.channel, held.address.lower()) == (channel, str(address).lower())
            for held in self.suppressions
        )

    @property
    def valid(self) -> bool:
        return self.optout == "none" and not self.suppressed_for("hard_bounce")

    @property
    def last_deed(self) -> datetime | None:
        return max((deed for deed in (self.last_open, self.last_click) if deed), default=None)

    @property
    def level(self) -> int:
        def within(moment: datetime | None, days: int) -> bool:
            return moment is not None and moment >= MOMENT - timedelta(days=days)

        rules = (
            (6, within(self.last_click, 30)),
            (5, within(self.last_open, 30)),
            (4, within(self.last_deed, 90)),
            (3, within(self.known_since, 30)),
            (2, within(self.last_deed, 365)),
        )
        return next((level for level, holds in rules if holds), 1) if self.valid else 0


@dataclass
class PlainSearch:
    query: Query
    list_id: int | None
    lists: Mapping[str, int]

    @property
    def source(self) -> list[int | None]:
        return [self.lists.get(name) for name in self.query.source.lists]

    @property
    def scope(self) -> list[int | None]:
        return [self.list_id] if self.list_id else self.source

    def finds(self, person: Person) -> bool:
        if self.list_id and not person.on(self.list_id):
            return False
        on = [person.on(list_id) for list_id in self.source]
        if on and not (all(on) if self.query.source.on_all else any(on)):
            return False
        held = [self.holds(condition, person) for condition in self.query.conditions]
        return not held or (any(held) if self.query.mode == "or" else all(held))

    def reaches(self, person: Person, channel: Channel, message_class: str) -> bool:
        """Whether somebody it finds can be written to."""
        address = person.email if channel == "email" else person.telephone
        forbidden = person.optout == "all" or (person.optout != "none" and message_class != "service")
        against = [
            held.list_id
            for held in person.suppressions
            if held.channel == channel
            and held.address.lower() == str(address).lower()
            and not (held.marketing_only and message_class == "service")
        ]
        alive = [list_id for list_id, subscription in person.subscriptions.items() if subscription.alive]
        reached = any(list_id not in against for list_id in alive if not self.scope or list_id in self.scope)
        return bool(address) and not forbidden and reached and None not in against

    def holds(self, condition: Condition, person: Person) -> bool:
        match condition:
            case VarEquals(name, values, negated):
                return _equals(person.vars.get(name), values) != negated
            case VarCompares(name, comparison, values):
                return any(_compares(person.vars.get(name), comparison, value) for value in values)
            case VarExists(name):
                return name in person.vars
            case IsValid():
                return person.valid
            case InDomain(domains):
                own = person.email.rpartition("@")[2].lower() if person.email else None
                return own in [domain.lower() for domain in domains]
            case NotOnList(names):
                return not any(person.on(self.lists.get(name)) for name in names)
            case Engagement("min", level):
                return person.level >= level
            case Engagement(_, level):
                return person.level <= level
            case OptedOut(criterion):
                named = {"optout_blast": ("blast", "all"), "optout_blast_only": ("blast",), "optout_all": ("all",)}
                return person.optout in named[criterion]
            case _:
                return self._held_in_time(condition, person)

    def _held_in_time(self, condition: SignedUp | LastSeen | Opens | Bounced, person: Person) -> bool:
        match condition:
            case SignedUp(side, when):
                signups = [person.subscriptions[each].signup for each in self.scope if each and person.on(each)]
                signup = min(signups) if self.scope else person.known_since
                return (signup < moment_of(when, AT)) == (side == "before")
            case LastSeen(what, window):
                last = person.last_open if what == "open" else person.last_click
                since = moment_of(window.since, AT) if window.since else None
                return (last is not None and (since is None or last >= since)) != window.negated
            case Opens(comparison, count, window):
                return _compares(_opens_in(person, window), comparison, count) != window.negated
            case Bounced("hard"):
                return person.suppressed_for("hard_bounce")
            case Bounced():
                bounce = person.last_soft_bounce
                lately = bounce is not None and bounce >= MOMENT - timedelta(days=30)
                overcome = bounce is not None and person.last_deed is not None and person.last_deed >= bounce
                return person.suppressed_for("soft_bounces") or (lately and not overcome)
            case _:
                assert_never(condition)


def _opens_in(person: Person, window: Window) -> int:
    if window.since is None:
        return person.opens
    first = moment_of(window.since, AT).date()
    return sum(opens for day, opens in person.opens_by_day.items() if day >= first)


def _kind(value: object) -> type:
    """JSON has one kind of number."""
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)


def _equals(own: Any, values: Sequence[Any]) -> bool:
    held = own if isinstance(own, list) else [own]
    return any(_kind(each) == _kind(value) and each == value for each in held for value in values)


def _compares(own: Any, comparison: str, value: Any) -> bool:
    if _kind(own) != _kind(value):
        return False
    return bool(
        {
            "gt": own > value,
            "lt": own < value,
            "min": own >= value,
            "max": own <= value,
            "match": own == value,
        }[comparison]
    )
