"""``postroom import``: people from a CSV file onto a list, so many at a time."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from services.standalone.client.connection import ApiRefused, Connection
from services.standalone.client.show import bar, print_line

AT_ONCE: Final = 2_000  #: people in one request
MOST_ERRORS: Final = 100  #: lines told of

#: Columns that say who somebody is; every other one is among his vars.
_OWN: Final = ("email", "telephone", "external_id")
_COUNTED: Final = ("created", "updated", "skipped", "failed")


async def import_people(api: Connection, list_id: int, path: Path) -> int:
    """Prints what became of them, with the faults by line. Answers an exit code: 1 if a line could not be taken."""
    counts: Counter[str] = Counter()
    errors: list[Any] = []
    with bar(path.name) as shown:
        for first_line, people in in_pieces(read_people(path), AT_ONCE):
            reply = (await api.post(f"/list/{list_id}/subscriber", people)).body
            counts.update({name: reply.get(name, 0) for name in _COUNTED})
            errors += [{**error, "line": first_line + error["line"] - 1} for error in reply["errors"]]
            shown.show(sum(counts.values()), None)
    print_line({name: counts[name] for name in _COUNTED} | {"errors": errors[:MOST_ERRORS]})
    return 1 if counts["failed"] else 0


def read_people(path: Path) -> Iterator[dict[str, object]]:
    """A header row, and a person a row; empty cells say nothing. Raises ApiRefused for what is no such file."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, strict=True)
            named = [name.strip() for name in rows.fieldnames or ()]
            if not set(named) & set(_OWN) or len(set(named)) != len(named):
                raise ApiRefused([f"{path}: a header row with email or telephone is needed, each column named once"])
            rows.fieldnames = named
            yield from map(_person, rows)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ApiRefused([f"{path}: {error}"]) from error


def _person(row: dict[str | Any, Any]) -> dict[str, object]:
    given = {name: value for name, value in row.items() if name and value}
    person: dict[str, object] = {name: given.pop(name) for name in _OWN if name in given}
    return person | ({"vars": given} if given else {})


def in_pieces(people: Iterable[dict[str, object]], size: int) -> Iterator[tuple[int, Sequence[dict[str, object]]]]:
    """With the number of the first among them, counted from 1 as the lines of data are."""
    piece: list[dict[str, object]] = []
    first = 1
    for person in people:
        piece.append(person)
        if len(piece) == size:
            yield first, piece
            first, piece = first + size, []
    if piece:
        yield first, piece
