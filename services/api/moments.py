"""Moments as the API writes them: decimal unix seconds, without a fraction where there is none."""


def moment(seconds: float) -> float:
    """Microseconds are what the database keeps."""
    return int(seconds) if seconds == int(seconds) else round(seconds, 6)


def moment_or_null(seconds: float | None) -> float | None:
    return None if seconds is None else moment(seconds)
