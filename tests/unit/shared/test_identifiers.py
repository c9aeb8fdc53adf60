"""Names of streams: stored with every event, so they never change, and no two kinds of thing share one."""

from collections import Counter
from collections.abc import Callable

import pytest

from shared.domain import identifiers


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (identifiers.account_stream, "account-7"),
        (identifiers.ledger_stream, "ledger-7"),
        (identifiers.list_stream, "list-7"),
        (identifiers.message_stream, "message-7"),
        (identifiers.search_stream, "search-7"),
        (identifiers.task_stream, "task-7"),
        (identifiers.splittest_stream, "splittest-7"),
        (identifiers.campaign_stream, "campaign-7"),
        (identifiers.domain_stream, "domain-7"),
        (identifiers.booking_stream, "booking-7"),
        (identifiers.job_stream, "job-7"),
        (identifiers.sms_stream, "sms-7"),
    ],
)
def test_what_happened_to_a_thing_is_found_by_its_number(write: Callable[[int], str], name: str) -> None:
    assert write(7) == name


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (identifiers.subscribers_stream, "subscribers-7:12"),
        (identifiers.suppressions_stream, "suppressions-7:12"),
    ],
)
def test_a_change_of_many_people_has_a_stream_of_its_own(write: Callable[[str], str], name: str) -> None:
    assert write("7:12") == name


def test_the_shard_of_a_task_is_stored_and_stays() -> None:
    """Spread evenly: each of the 64 has its hundredth or so of the tasks that follow each other."""
    assert [identifiers.shard_of(task) for task in (1, 2, 3, 7, 64, 100_000)] == [39, 15, 54, 20, 35, 25]

    sizes = Counter(identifiers.shard_of(task) for task in range(1, 6_401))
    assert set(sizes) == set(range(identifiers.SHARDS))
    assert all(90 <= size <= 110 for size in sizes.values())
