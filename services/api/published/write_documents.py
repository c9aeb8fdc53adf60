"""Writes what docs/ says of published events: ``python -m services.api.published.write_documents [--released]``.

docs/asyncapi.yaml, docs/reference/published-events.md and a schema for each event below docs/reference/events/v1. With
a release ``--released`` keeps all schemas as they then are: newer ones must be compatible with them from there on.
"""

import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import orjson

from services.api.published.asyncapi import describe_bus
from services.api.published.catalogue import CATALOGUE, VERSION
from services.api.published.schemas import documents
from services.api.published.write_yaml import write_yaml

DOCS: Final = Path("docs")
RELEASED: Final = Path("reference/events/released.json")

_HEAD: Final = """# Published events

What other services hear, on the bus and by `GET /events` alike: see [listen to events](../how-to/listen-to-events.md).
The name of an event is its routing key, its CloudEvents `type` is `postroom.` and the name. Below are the fields of its
data; a `?` marks those that events of before may lack. Fields may be added: ignore those you do not know. Times are
decimal unix seconds.

This page, [asyncapi.yaml](../asyncapi.yaml) and the JSON Schemas beside it are written by
`.venv/bin/python -m services.api.published.write_documents`.
"""


def written() -> dict[Path, str]:
    """Every file but the released set, by its path below docs/."""
    schemas = documents()
    files = {Path(f"reference/events/{VERSION}/{name}.json"): as_json(schema) for name, schema in schemas.items()}
    files[Path("asyncapi.yaml")] = write_yaml(describe_bus(version("postroom")))
    files[Path("reference/published-events.md")] = _page(schemas)
    return files


def as_json(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n"


def _page(schemas: Mapping[str, dict[str, Any]]) -> str:
    return "\n".join([_HEAD, *(_section(name, schema) for name, schema in schemas.items())])


def _section(name: str, schema: Mapping[str, Any]) -> str:
    needed = set(schema["required"])
    rows = [
        f"| `{field}`{'' if field in needed else ' ?'} | {_spelled(shape)} |"
        for field, shape in schema["properties"].items()
    ]
    meaning = [CATALOGUE[name].meaning.replace("``", "`"), ""] if CATALOGUE[name].meaning else []
    head = f"## {name}\n\n[schema](events/{VERSION}/{name}.json)\n"
    return "\n".join([head, *meaning, "| field | type |", "|---|---|", *rows, ""])


def _spelled(shape: Mapping[str, Any]) -> str:
    """A type as a person says it."""
    if "anyOf" in shape:
        return " or ".join(map(_spelled, shape["anyOf"]))
    if "enum" in shape:
        return ", ".join(f"`{value}`" for value in shape["enum"])
    if "$ref" in shape:
        return f"object ({shape['$ref'].rpartition('/')[2]})"
    if shape.get("type") == "array":
        return f"array of {_spelled(shape['items'])}" if "items" in shape else "array"
    return str(shape.get("type", "anything"))


def main(arguments: list[str]) -> None:
    files = written()
    if "--released" in arguments:
        files[RELEASED] = as_json(documents())
    for path, text in files.items():
        (DOCS / path).parent.mkdir(parents=True, exist_ok=True)
        (DOCS / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
