"""Names of streams: stored with every event, so they never change, and no two kinds of thing share one."""

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
