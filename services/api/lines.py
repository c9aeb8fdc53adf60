"""Bodies of many lines: a JSON array, one JSON object a line, a form for a single one, or CSV with a header row.

Each line is validated by itself, and what is wrong with one keeps no other from being carried out.
"""

import asyncio
import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from services.api.body import FORM, JSON, Body, read_json, validate
from services.api.fields import RequestModel
from services.api.parse_form import parse_form
from shared.domain.refusal import Fault

NDJSON: Final = "application/x-ndjson"
CSV: Final = "text/csv"
MOST_LINES: Final = 10_000
LINES_AT_ONCE: Final = 200  #: lines validated before other requests have their turn

Model = TypeVar("Model", bound=RequestModel)

Faults = list[tuple[int, Fault]]  #: with the number of the line


class LineFault(TypedDict):
    line: int
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Lines:
    """What was posted, not validated yet: lines with their number, from 1, and what they hold or a Fault."""

    items: list[tuple[int, Any]]
    one: bool  #: a single object, which is answered by itself
    as_text: bool = False


Reader = Callable[[bytes], Lines | list[Fault]]


def lines_body(model: type[RequestModel], *, as_csv: bool = False) -> Body[Lines]:
    """``as_csv``: whether CSV is taken, too, with the fields of the model as its columns."""
    readers: dict[str, Reader] = {JSON: _read_json, NDJSON: _read_ndjson, FORM: _read_form}
    media: dict[str, Any] = {JSON: model | list[model], NDJSON: model, FORM: model}  # type: ignore[valid-type]  # is a type once called
    if as_csv:
        readers[CSV] = lambda data: _read_csv(data, model.model_fields)
        media[CSV] = model

    def read(media: str, data: bytes) -> Lines | list[Fault]:
        lines = readers[media](data)
        if isinstance(lines, Lines) and len(lines.items) > MOST_LINES:
            return [Fault("", f"at most {MOST_LINES} lines at once")]
        return lines

    return Body(media, read)


async def read_lines(lines: Lines, model: type[Model]) -> tuple[list[tuple[int, Model]], Faults]:
    """The valid lines with their numbers, and what is wrong with the others."""
    adapter: TypeAdapter[Model] = TypeAdapter(model)
    valid: list[tuple[int, Model]] = []
    faults: Faults = []
    for count, (number, item) in enumerate(lines.items, start=1):
        line = _read_line(adapter, model, item, as_text=lines.as_text)
        if isinstance(line, list):
            faults += [(number, fault) for fault in line]
        else:
            valid.append((number, line))
        if count % LINES_AT_ONCE == 0:
            await asyncio.sleep(0)
    return valid, faults


def line_faults(faults: Faults) -> list[LineFault]:
    """In the order of the lines, as an answer tells them."""
    ordered = sorted(faults, key=lambda fault: fault[0])
    return [LineFault(line=number, field=fault.field, message=fault.message) for number, fault in ordered]


def _read_line(adapter: TypeAdapter[Model], model: type[Model], item: Any, *, as_text: bool) -> Model | list[Fault]:
    if isinstance(item, Fault):
        return [item]
    if not isinstance(item, dict):
        return [Fault("", "must be a JSON object")]
    return validate(adapter, (model,), item, as_text=as_text)


def _read_json(data: bytes) -> Lines | list[Fault]:
    value = read_json(data)
    match value:
        case Fault():
            return [value]
        case list():
            return Lines(list(enumerate(value, start=1)), one=False)
        case _:
            return Lines([(1, value)], one=True)


def _read_ndjson(data: bytes) -> Lines:
    lines = enumerate(data.split(b"\n"), start=1)
    return Lines(_some((number, read_json(line)) for number, line in lines if line.strip()), one=False)


def _some(items: Iterable[tuple[int, Any]]) -> list[tuple[int, Any]]:
    """As many as are taken, and one more if there are too many: the others need not be read."""
    return list(islice(items, MOST_LINES + 1))


def _read_form(data: bytes) -> Lines | list[Fault]:
    try:
        form = parse_form(data.decode())
    except UnicodeDecodeError:
        return [Fault("", "the form is not UTF-8")]
    return form if isinstance(form, list) else Lines([(1, form)], one=True, as_text=True)


def _read_csv(data: bytes, columns: Mapping[str, object]) -> Lines | list[Fault]:
    """RFC 4180. An empty cell is not given. Lines are numbered as they stand in the file, the header is the first."""
    try:
        rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        header = [name.strip().lower() for name in next(rows, [])]
        unknown = [Fault(name, "is not a known column") for name in header if name not in columns]
        if unknown or not header or len(set(header)) < len(header):
            return unknown or [Fault("", "the first line must name the columns, each once")]
        items = _some((rows.line_num, _cells(header, row)) for row in rows if row)
    except UnicodeDecodeError:
        return [Fault("", "the CSV is not UTF-8")]
    except csv.Error as error:
        return [Fault("", f"is not CSV: {error}")]
    return Lines(items, one=False, as_text=True)


def _cells(header: list[str], row: list[str]) -> dict[str, str] | Fault:
    if len(row) > len(header):
        return Fault("", f"has {len(row)} cells, and there are {len(header)} columns")
    return {name: cell for name, cell in zip(header, row, strict=False) if cell}
