"""Sets as stored: one form for one set, whichever way it grew."""

from functools import reduce
from operator import or_

from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from shared.delivery_log.chunks import decode_chunk, encode_chunk, split_by_chunk
from shared.domain.identifiers import CHUNK

MEMBERS = st.lists(st.integers(0, 40) | st.integers(0, CHUNK - 1), max_size=60)
RUNS = st.lists(st.tuples(st.integers(0, CHUNK - 1), st.integers(1, 6000)), max_size=6).map(
    lambda runs: [ordinal for start, length in runs for ordinal in range(start, min(start + length, CHUNK))]
)


@settings(max_examples=300)
@given(MEMBERS | RUNS, st.integers(1, 7))
def test_a_set_that_grew_in_steps_is_stored_as_one_made_at_once(members: list[int], steps: int) -> None:
    """Rebuilt and live sets can be compared byte by byte."""
    grown = BitMap()
    for step in range(steps):
        grown = decode_chunk(encode_chunk(grown | BitMap(members[step::steps])))

    assert encode_chunk(grown) == encode_chunk(BitMap(members))
    assert set(grown) == set(members)


def test_a_set_that_runs_and_arrays_hold_in_the_same_space_has_one_form() -> None:
    """Two runs take as much as five single numbers: which of the two it is must not depend on who came last."""
    from_a_run = decode_chunk(encode_chunk(BitMap([0, 1, 2, 3]))) | BitMap([5])
    from_an_array = decode_chunk(encode_chunk(BitMap([0, 5]))) | BitMap([1, 2, 3])

    assert encode_chunk(from_a_run) == encode_chunk(from_an_array)


@given(st.lists(st.integers(0, 5 * CHUNK), max_size=50))
def test_chunks_are_the_whole_set_cut_at_the_borders(ordinals: list[int]) -> None:
    """Nobody is lost, nobody is in two chunks, and no chunk is empty."""
    whole = BitMap(ordinals)

    chunks = dict(split_by_chunk(whole))

    assert reduce(or_, chunks.values(), BitMap()) == whole
    assert all(members and {n // CHUNK for n in members} == {chunk} for chunk, members in chunks.items())


def test_a_whole_chunk_takes_a_few_bytes() -> None:
    """A task whose every recipient was reached costs nothing to keep."""
    assert len(encode_chunk(BitMap(range(CHUNK)))) < 32
