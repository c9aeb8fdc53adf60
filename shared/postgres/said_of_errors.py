"""What is told on of an error of Postgres."""

from typing import Any, Final

_OF_DATA: Final = ("22", "23")  #: codes of a value or a row that does not fit


def said_of(error: Any) -> str:
    """Nothing of any row: no detail, which repeats it, and of what is wrong with data only where that was to go.

    ``error``: the driver's.
    """
    if (error.sqlstate or "").startswith(_OF_DATA):
        places = (error.table_name, error.column_name, error.constraint_name)
        return " ".join((type(error).__name__, *(place for place in places if place)))
    return str(error.message or type(error).__name__)
