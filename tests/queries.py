"""Queries over subscribers, made up: any that can be said, in words and values that somebody of a small world has."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from shared.domain.moment_words import Offset, When
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
    Source,
    VarCompares,
    VarEquals,
    VarExists,
    Window,
)

NOW = 1_800_000_000.0
LISTS = ("Main", "VIP", 'it\'s | "odd"')
FIELDS = ("age", "city", "Ä b", "tags")
WORDS = ("", "x", "X", "1", "true", "é", "a|b", "' OR 1=1 --", "z")
DOMAINS = ("example.com", "EXAMPLE.org", "mail.example.com")

scalars: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(WORDS), st.integers(-3, 3), st.sampled_from((0.5, 1.0, 2.5, 1e15)), st.booleans()
)
numbers = st.one_of(st.integers(-3, 3), st.sampled_from((0.5, 1.0, 2.5, 1e15)))


def several(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """One or more, each once; to JSON 1 and true are two things."""
    unique = st.lists(values, min_size=1, max_size=3, unique_by=lambda value: (isinstance(value, bool), value))
    return unique.map(tuple)


days = st.sampled_from((0, -1, -29, -30, -31, -90, -91, -365)) | st.integers(-400, 1)
whens: st.SearchStrategy[When] = st.one_of(
    st.builds(Offset, days, st.just("day")),
    st.builds(Offset, st.integers(-400, 1), st.sampled_from(("hour", "month", "week"))),
    days.map(lambda number: datetime.fromtimestamp(NOW + number * 86_400, UTC)),
)
windows = st.builds(Window, st.none() | whens, st.booleans())
conditions: st.SearchStrategy[Condition] = st.one_of(
    st.builds(VarEquals, st.sampled_from(FIELDS), several(scalars), st.booleans()),
    st.builds(
        VarCompares,
        st.sampled_from(FIELDS),
        st.sampled_from(("gt", "lt", "min", "max")),
        several(numbers) | several(st.sampled_from(WORDS[1:])),
    ),
    st.builds(VarExists, st.sampled_from(FIELDS)),
    st.builds(IsValid),
    st.builds(InDomain, several(st.sampled_from(DOMAINS))),
    st.builds(NotOnList, several(st.sampled_from(LISTS))),
    st.builds(Engagement, st.sampled_from(("min", "max")), st.integers(0, 6)),
    st.builds(SignedUp, st.sampled_from(("before", "after")), whens),
    st.builds(LastSeen, st.sampled_from(("open", "click")), windows),
    st.builds(Opens, st.sampled_from(("min", "max", "gt", "lt", "match")), st.integers(0, 4), windows),
    st.builds(Bounced, st.sampled_from(("soft", "hard"))),
    st.builds(OptedOut, st.sampled_from(("optout_blast", "optout_blast_only", "optout_all"))),
)
sources = st.one_of(
    st.just(Source()),
    st.sampled_from(LISTS).map(lambda name: Source((name,))),
    st.builds(Source, several(st.sampled_from(LISTS)), st.booleans()).map(
        lambda source: Source(source.lists, source.on_all and len(source.lists) > 1)
    ),
)
queries = st.builds(Query, sources, st.sampled_from(("and", "or")), st.lists(conditions, max_size=4).map(tuple))
