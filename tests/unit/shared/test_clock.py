"""Moments as events tell them and as rows hold them are the same."""

import pytest

from shared.runtime import clock


def test_a_moment_has_no_more_than_the_database_keeps() -> None:
    """Finer parts would be cut in one place and rounded in the other."""
    moments = [clock.now() for _ in range(1000)]

    assert moments == [round(moment, 6) for moment in moments]


@pytest.mark.parametrize(
    ("before", "host", "ahead"),
    [
        (None, 1000.5, 1000.5),
        (None, 87_400.0, 1000.0),
        (None, 400.0, 1000.0),
        (1000.7, 1000.5, 1000.7),
        (1001.5, 1000.5, 1000.5),
        (999.5, 400.0, 1000.0),
    ],
    ids=[
        "a host that may be right is believed",
        "a host that is a day fast is not, and nobody is ahead of the database",
        "nor one that is slow",
        "what was known and may be so stays: a slow answer moves nothing",
        "what was known and cannot be so gives way to a host that may be right",
        "both are wrong: the database was set to another time",
    ],
)
def test_the_clock_is_the_databases(before: float | None, host: float, ahead: float) -> None:
    """The answer says that the database is 1000 to 1001 seconds ahead of the monotonic clock."""
    assert clock.nearest(before, host, least=1000.0, most=1001.0) == ahead
