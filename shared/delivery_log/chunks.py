"""A set of ordinals as it is stored: one roaring bitmap a chunk of 65,536, and one form for each set. Pure."""

from collections.abc import Iterator
from typing import Final

from pyroaring import BitMap

from shared.domain.identifiers import CHUNK

#: The number that the union of all final states is stored under, beside the kinds.
FINAL_SET: Final = 0


def split_by_chunk(ordinals: BitMap) -> Iterator[tuple[int, BitMap]]:
    """Yields (chunk, its members), the members as they are: not counted from the start of the chunk."""
    if not ordinals:
        return
    first, last = ordinals.min() // CHUNK, ordinals.max() // CHUNK
    for chunk in range(first, last + 1):
        part = ordinals if first == last else ordinals & _whole(chunk)
        if part:
            yield chunk, part


def encode_chunk(members: BitMap) -> bytes:
    """The same bytes for the same members, in whatever order and steps they came together."""
    members.run_optimize()
    form = members.get_statistics()
    # Where runs and an array take the same space, the library keeps whichever the set happens to have.
    if form["n_run_containers"] and form["n_bytes_run_containers"] == 2 * len(members):
        members = BitMap(members.to_array(), optimize=False)
    return members.serialize()


def decode_chunk(data: bytes) -> BitMap:
    return BitMap.deserialize(data)


def _whole(chunk: int) -> BitMap:
    return BitMap(range(chunk * CHUNK, (chunk + 1) * CHUNK))
