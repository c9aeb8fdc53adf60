"""Hints as bytes: what goes in comes out, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bus.hint_codec import LONGEST_BYTES, Unreadable, decode_hint, encode_hint
from shared.bus.interface import TOPICS, Hint

numbers = st.integers(0, 2**63 - 1)


@given(st.builds(Hint, st.sampled_from(TOPICS), numbers, st.lists(numbers, max_size=8).map(tuple)))
def test_a_hint_survives(hint: Hint) -> None:
    assert decode_hint(encode_hint(hint)) == hint
    assert len(encode_hint(hint)) <= LONGEST_BYTES


@given(st.binary(max_size=2 * LONGEST_BYTES))
def test_no_bytes_raise(body: bytes) -> None:
    assert isinstance(decode_hint(body), Hint | Unreadable)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"[" * LONGEST_BYTES,
        b'{"topic":"task_due","key":7}',
        b'{"topic":"task_due","key":7,"extra":[],"more":1}',
        b'{"topic":["task_due"],"key":7,"extra":[]}',
        b'{"topic":"task_due","key":true,"extra":[]}',
        b'{"topic":"task_due","key":-1,"extra":[]}',
        b'{"topic":"task_due","key":9223372036854775808,"extra":[]}',
        b'{"topic":"task_due","key":7.0,"extra":[]}',
        b'{"topic":"task_due","key":7,"extra":[1,2,3,4,5,6,7,8,9]}',
        b'{"topic":"task_due","key":7,"extra":["1"]}',
    ],
)
def test_what_is_almost_a_hint_is_none(body: bytes) -> None:
    assert isinstance(decode_hint(body), Unreadable)
