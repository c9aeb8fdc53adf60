"""A piece of SQL out of queries.sql, with words put in: numbers of arguments, names of columns, other pieces."""

from shared.audience.audience import Values
from shared.audience.statements import STATEMENTS


def piece(name: str, values: Values, **words: str) -> str:
    return STATEMENTS[name].format(**words, **_within(values))


def _within(values: Values) -> dict[str, str]:
    return {
        f"within_{table}": ""
        if values.page is None
        else STATEMENTS["within"].format(column=f"{table}.subscriber_id", after=values.page[0], last=values.page[1])
        for table in ("seen", "subscription", "suppression")
    }
