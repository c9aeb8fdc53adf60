"""Reads a ``queries.sql``: statements with names.

A query is a line ``-- name``, comment lines that say why, and one statement ending with a semicolon.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

_NAME = re.compile(r"^-- ([a-z][a-z0-9_]*)$")


class BadQueryFile(Exception):
    """A queries.sql names a query twice or not at all."""


def load_queries(path: Path) -> Mapping[str, str]:
    """The statements of one file by name, comments left out. Raises BadQueryFile."""
    return MappingProxyType(parse_queries(path.read_text(encoding="utf-8"), str(path)))


def parse_queries(text: str, origin: str) -> dict[str, str]:
    queries: dict[str, str] = {}
    for block in re.split(r"\n\s*\n(?=-- [a-z][a-z0-9_]*\n)", text.strip()):
        head, *body = block.splitlines() or [""]
        named = _NAME.match(head)
        if named is None:
            raise BadQueryFile(f"{origin}: expected '-- name', found {head!r}")
        if named[1] in queries:
            raise BadQueryFile(f"{origin}: {named[1]} is there twice")
        statement = "\n".join(line for line in body if not line.startswith("--")).strip()
        if not statement.endswith(";"):
            raise BadQueryFile(f"{origin}: {named[1]} does not end with a semicolon")
        queries[named[1]] = statement[:-1]
    return queries
