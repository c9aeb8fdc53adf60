"""Which statements find rows of the data plane by something else than their shard or task, as the text of them shows.

A table is of the data plane when it is partitioned by task id. In each SELECT, UPDATE and DELETE, also an inner one,
such a table has to be reached from a value: by an equality of its shard or task with a parameter, with a row of an
inner query, or with that of another table which is reached so itself. A join of two that nothing reaches leads nowhere.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from shared.postgres.named_queries import load_queries

ROOT = Path(__file__).resolve().parents[1]

_PARTITIONED = re.compile(r"CREATE TABLE (\w+) \((?:(?!;\n).)*?\) PARTITION BY RANGE \(task_id\)", re.DOTALL)
_BEGINS = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b")
_NAMED = r"(?:FROM|JOIN|UPDATE|INTO|USING)\s+(\w+)\b(?!\s*\.)(?:\s+AS\s+(\w+))?"
_SIDE = r"(?:(\w+)\.)?(task_id|shard|id)\b"
_PAIR = re.compile(rf"(?<![\w.]){_SIDE}\s*(?:=|IN\b|IS NOT DISTINCT FROM\b)\s*(?:{_SIDE}|(\S))")
_VALUE_FIRST = re.compile(rf"\$\d+(?:::\w+)?\s*=\s*{_SIDE}")

#: Tables beside those of the data plane that lead to many tasks, and so to none.
_OF_MANY = {"task": "id", "projection": "shard"}


def partitioned_tables() -> frozenset[str]:
    migrations = sorted((ROOT / "deploy/migrations").glob("*.sql"))
    return frozenset(name for path in migrations for name in _PARTITIONED.findall(path.read_text(encoding="utf-8")))


def named_queries() -> Mapping[str, str]:
    """All statements of the code by ``folder/file: name``, the folder below services or shared."""
    found: dict[str, str] = {}
    for path in sorted(path for folder in ("services", "shared") for path in (ROOT / folder).rglob("*.sql")):
        place = path.relative_to(ROOT).with_suffix("")
        place = place.parent if place.name == "queries" else place
        found |= {f"{place}: {name}": statement for name, statement in load_queries(path).items()}
    return found


def unfiltered(statement: str, tables: frozenset[str]) -> set[str]:
    """The tables of the data plane that something in the statement reads or writes whatever their shard or task."""
    return {table for scope in scopes(statement) for table in _adrift(scope, tables)}


def scopes(statement: str) -> list[str]:
    """Each query in the statement without those inside it; the halves of a UNION apart."""
    done: list[str] = []
    open_groups = [""]
    for piece in re.split(r"([()])", statement):
        if piece == "(":
            open_groups.append("")
        elif piece == ")":
            inner = open_groups.pop()
            if _BEGINS.match(inner):
                done += re.split(r"\bUNION(?: ALL)?\b", inner)
                inner = " "
            open_groups[-1] += f"({inner})"
        else:
            open_groups[-1] += piece
    return [*done, *re.split(r"\bUNION(?: ALL)?\b", open_groups[0])]


def _adrift(scope: str, tables: frozenset[str]) -> Iterator[str]:
    named = {alias or table: table for table, alias in re.findall(_NAMED, scope) if table in tables | _OF_MANY.keys()}
    reached = {alias for alias, table in named.items() if _written_or_joined(scope, table)}
    pairs = [(match[1], match[2], match[3], match[4]) for match in _PAIR.finditer(scope)]
    pairs += [(match[1], match[2], None, None) for match in _VALUE_FIRST.finditer(scope)]
    before = -1
    while before != len(reached):
        before = len(reached)
        for left, left_key, right, right_key in pairs:
            ours = _meant(left, left_key, named, tables)
            theirs = _meant(right, right_key, named, tables) if right_key else set()
            if not theirs or theirs & reached:
                reached |= ours
            if not ours or ours & reached:
                reached |= theirs
    return (named[alias] for alias in named.keys() - reached if named[alias] in tables)


def _meant(alias: str | None, key: str, named: Mapping[str, str], tables: frozenset[str]) -> set[str]:
    """Which tables of the query this column leads to; none: it is a value here, of an inner or an outer query."""
    candidates = {alias} & named.keys() if alias else named.keys()
    return {name for name in candidates if (key != "id" if named[name] in tables else _OF_MANY[named[name]] == key)}


def _written_or_joined(scope: str, table: str) -> bool:
    """A row that is inserted brings its shard and task; USING names columns of both sides."""
    return bool(
        re.search(rf"INSERT INTO {table}\b[^(]*\([^)]*\btask_id\b", scope)
        or re.search(rf"JOIN {table}\s+USING\s+\([^)]*\btask_id\b", scope)
    )
