"""An audience is cut into neighbouring ranges that cover it exactly."""

from itertools import chain

import pytest

from services.dispatcher.decisions.cut_batches import LARGEST, cut_batches


@pytest.mark.parametrize("recipients", [0, 1, 19, 20, 21, 999, 1_000, 31_999, 50_000, 65_537])
def test_every_ordinal_is_in_one_batch(recipients: int) -> None:
    batches = list(cut_batches(recipients))

    assert list(chain.from_iterable(batches)) == list(range(recipients))
    assert all(0 < len(batch) <= LARGEST for batch in batches)


def test_a_small_task_still_has_work_for_many_connections() -> None:
    assert len(list(cut_batches(1_000))) >= 40
