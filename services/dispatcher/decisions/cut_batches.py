"""How an audience is cut into batches."""

from collections.abc import Iterator

from pyroaring import BitMap

LARGEST = 500  #: ordinals in a batch: a commit, a claim and a journal entry cost the same for one or for these
SMALLEST = 20
WANTED = 64  #: batches of a small task, so that all connections of several dispatchers have something to do


def batch_size(recipients: int) -> int:
    return max(SMALLEST, min(LARGEST, -(-recipients // WANTED)))


def cut_batches(recipients: int) -> Iterator[BitMap]:
    """Ranges of neighbouring ordinals that make up 0..recipients-1."""
    size = batch_size(recipients)
    for first in range(0, recipients, size):
        yield BitMap(range(first, min(first + size, recipients)))
