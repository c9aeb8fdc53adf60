"""Moments as events tell them and as rows hold them are the same."""

from shared.runtime import clock


def test_a_moment_has_no_more_than_the_database_keeps() -> None:
    """Finer parts would be cut in one place and rounded in the other."""
    moments = [clock.now() for _ in range(1000)]

    assert moments == [round(moment, 6) for moment in moments]
