"""Turns a query into a condition of SQL on ``person``, a row of subscriber. No value is ever part of the text.

The text is put together of the pieces of queries.sql and of numbers of arguments; what it depends on is the shape of
the query alone, so that a statement made of it is prepared once and serves all queries of that shape.
"""

from collections.abc import Sequence
from typing import Final, assert_never

from shared.audience.audience import NO_LIST, Audience, Values
from shared.audience.pieces import piece
from shared.audience.standing import engagement_level, hard_bounced, soft_bounced, valid, with_seen
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
)

_OPERATORS: Final = {"gt": ">", "lt": "<", "min": ">=", "max": "<=", "match": "="}
_OPTED_OUT: Final = {"optout_blast": ["blast", "all"], "optout_blast_only": ["blast"], "optout_all": ["all"]}
_COLUMNS: Final = {"open": "last_open", "click": "last_click"}
MANY: Final = 9  #: values from which on Postgres looks for one by its hash

#: Where somebody is written to.
ADDRESSES: Final[dict[Channel, str]] = {"email": "person.email", "sms": "person.telephone"}


def joins(query: Query, values: Values) -> str:
    """What must be joined to ``subscriber AS person``."""
    asked = any(isinstance(condition, Engagement | LastSeen | Opens | Bounced) for condition in query.conditions)
    return with_seen(values) if asked else ""


def matches(audience: Audience, values: Values) -> str:
    """Whether a person is found."""
    within = [_on(group, values) for group in _lists_to_be_on(audience)]
    conditions = [f"({_condition(condition, audience, values)})" for condition in audience.query.conditions]
    asked = (" OR " if audience.query.mode == "or" else " AND ").join(conditions)
    return " AND ".join([*within, f"({asked})"]) if asked else " AND ".join(within) or "true"


def mailable(audience: Audience, channel: Channel, message_class: str, values: Values) -> str:
    """Whether a person who is found can be written to, by a message of that class."""
    reached, words = audience.reached_lists, {"address": ADDRESSES[channel]}
    words |= {"channel": values.add(channel, "text"), "class": values.add(message_class, "text")}
    if reached and len(reached) == 1:
        # Who is on it by what the search asks need not be asked again.
        return piece("mailable", values, **words, list=values.add(reached[0], "bigint"), reached="true")
    of_lists = _of(reached, values) if reached else "true"
    by_any = piece("reached_by_any", values, **words, of_lists=of_lists)
    return piece("mailable", values, **words, list="NULL::bigint", reached=by_any)


def _lists_to_be_on(audience: Audience) -> list[tuple[int, ...]]:
    """On one of each group."""
    own: list[tuple[int, ...]] = [] if audience.list_id is None else [(audience.list_id,)]
    if audience.query.source.on_all:
        return [*own, *((list_id,) for list_id in audience.source)]
    return [*own, audience.source] if audience.source else own


def _on(lists: tuple[int, ...], values: Values) -> str:
    return piece("on_list", values, of_lists=_of(lists, values))


def _of(lists: Sequence[int], values: Values) -> str:
    """Whether a subscription is of one of them. Of a single one people can be read in their order."""
    if len(lists) == 1:
        return f"subscription.list_id = {values.add(lists[0], 'bigint')}"
    return f"subscription.list_id = ANY ({values.add(list(lists), 'bigint[]')})"


def _condition(condition: Condition, audience: Audience, values: Values) -> str:
    match condition:
        case VarEquals() | VarCompares() | VarExists():
            return _of_var(condition, values)
        case LastSeen() | Opens() | SignedUp() | Engagement() | Bounced():
            return _of_past(condition, audience, values)
        case InDomain(domains):
            return piece("in_domain", values, domains=values.add(list(domains), "text[]"))
        case NotOnList(names):
            return f"NOT {_on(tuple(audience.lists.get(name, NO_LIST) for name in names), values)}"
        case IsValid():
            return valid(values)
        case OptedOut(criterion):
            return piece("opted_out", values, states=values.add(_OPTED_OUT[criterion], "text[]"))
        case _:
            assert_never(condition)


def _of_var(condition: VarEquals | VarCompares | VarExists, values: Values) -> str:
    name = values.add(condition.field, "text")
    match condition:
        case VarEquals(_, scalars, negated):
            equals = "equals" if len(scalars) < MANY else "equals_one_of_many"
            equals = piece(equals, values, field=name, scalars=values.add(list(scalars), "jsonb[]"))
            return f"NOT {equals}" if negated else equals
        case VarCompares(_, comparison, scalars):
            as_text = isinstance(scalars[0], str)
            return piece(
                "compares_text" if as_text else "compares_number",
                values,
                field=name,
                comparison=_OPERATORS[comparison],
                scalars=values.add(list(scalars), "text[]" if as_text else "jsonb[]"),
            )
        case VarExists():
            return piece("has_var", values, field=name)
        case _:
            assert_never(condition)


def _of_past(condition: LastSeen | Opens | SignedUp | Engagement | Bounced, audience: Audience, values: Values) -> str:
    match condition:
        case LastSeen(_, window):
            done = _last_seen(condition, audience.at, values)
            return f"NOT ({done})" if window.negated else done
        case Opens(_, _, window):
            done = _opens(condition, audience.at, values)
            return f"NOT ({done})" if window.negated else done
        case SignedUp():
            return _signed_up(condition, audience, values)
        case Engagement(comparison, level):
            reached = engagement_level(audience.at, values)
            return f"{reached} {_OPERATORS[comparison]} {values.add(level, 'bigint')}"
        case Bounced("hard"):
            return hard_bounced(values)
        case Bounced():
            return soft_bounced(audience.at, values)
        case _:
            assert_never(condition)


def _last_seen(condition: LastSeen, at: Instant, values: Values) -> str:
    column = _COLUMNS[condition.what]
    if condition.window.since is None:
        return piece("seen_ever", values, last=column)
    moment = values.add(moment_of(condition.window.since, at), "timestamptz")
    return piece("seen_since", values, last=column, moment=moment)


def _opens(condition: Opens, at: Instant, values: Values) -> str:
    words = {"comparison": _OPERATORS[condition.comparison], "count": values.add(condition.count, "bigint")}
    if condition.window.since is None:
        return piece("opens_ever", values, **words)
    return piece("opens_since", values, day=values.add(moment_of(condition.window.since, at).date(), "date"), **words)


def _signed_up(condition: SignedUp, audience: Audience, values: Values) -> str:
    moment = values.add(moment_of(condition.when, audience.at), "timestamptz")
    if audience.reached_lists is None:
        before = piece("known_before", values, moment=moment)
    else:
        before = piece("signed_up_before", values, of_lists=_of(audience.reached_lists, values), moment=moment)
    return before if condition.side == "before" else f"NOT ({before})"
