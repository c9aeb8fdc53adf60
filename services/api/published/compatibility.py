"""What a newer schema of an event would break for those who read it by an older one. Pure.

Fields may be added. None may go, allow less than it did, or be there only sometimes when it always was; nor may one
that could be missing be demanded, since events of before are told for ever.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

#: Where a smaller value, or a larger one, allows less.
_LEAST: Final = ("minimum", "minLength", "minItems", "exclusiveMinimum")
_MOST: Final = ("maximum", "maxLength", "maxItems", "exclusiveMaximum")


def breaks(older: Mapping[str, Schema], newer: Mapping[str, Schema]) -> list[str]:
    """A sentence each, which names the event and the field: both by event name."""
    found = []
    for name, schema in older.items():
        if name not in newer:
            found.append(f"{name}: is not published any more")
        else:
            found += [f"{name}: {said}" for said in _between(schema, newer[name], _Roots(schema, newer[name]), "")]
    return found


class _Roots:
    def __init__(self, older: Schema, newer: Schema) -> None:
        self.older, self.newer = older.get("$defs", {}), newer.get("$defs", {})


def _between(older: Schema, newer: Schema, roots: _Roots, path: str) -> Iterator[str]:
    older, newer = _resolved(older, roots.older), _resolved(newer, roots.newer)
    if missing := sorted(_types(older, roots.older) - _types(newer, roots.newer)):
        yield f"{path or 'data'} is no longer {' or '.join(missing)}"
        return
    yield from _narrower(older, newer, path)
    yield from _fields(older, newer, roots, path)
    for name in ("items", "additionalProperties"):
        if isinstance(older.get(name), Mapping) and isinstance(newer.get(name), Mapping):
            yield from _between(older[name], newer[name], roots, f"{path}[]")
    yield from _alternatives(older, newer, roots, path)


def _narrower(older: Schema, newer: Schema, path: str) -> Iterator[str]:
    if "enum" in newer and (gone := [value for value in older.get("enum", [None]) if value not in newer["enum"]]):
        yield f"{path} no longer allows {', '.join('anything else' if value is None else str(value) for value in gone)}"
    for name in (*_LEAST, *_MOST):
        old, new = older.get(name), newer.get(name)
        if new is not None and (old is None or (new > old if name in _LEAST else new < old)):
            yield f"{path} allows less: {name} {'none' if old is None else old} became {new}"


def _fields(older: Schema, newer: Schema, roots: _Roots, path: str) -> Iterator[str]:
    had, has = older.get("properties", {}), newer.get("properties", {})
    needed, needs = set(older.get("required", ())), set(newer.get("required", ()))
    for name, schema in had.items():
        field = f"{path}.{name}".lstrip(".")
        if name not in has:
            yield f"{field} was removed"
            continue
        if name in needs - needed:
            yield f"{field} became required"
        if name in needed - needs:
            yield f"{field} may now be missing"
        yield from _between(schema, has[name], roots, field)
    for name in sorted(needs - set(had)):
        yield f"{path}.{name}".lstrip(".") + " is new and required, which events of before do not have"


def _alternatives(older: Schema, newer: Schema, roots: _Roots, path: str) -> Iterator[str]:
    """Each form that was possible must be possible still, in one of those of now."""
    for each in older.get("anyOf", ()):
        now = newer.get("anyOf", [newer])
        if all(list(_between(each, other, roots, path)) for other in now):
            yield f"{path} lost one of its forms"


def _types(schema: Schema, definitions: Mapping[str, Schema]) -> set[str]:
    """All that is possible; an integer is a number as well."""
    schema = _resolved(schema, definitions)
    if "anyOf" in schema:
        return {kind for each in schema["anyOf"] for kind in _types(each, definitions)}
    given = schema.get("type", ["array", "boolean", "integer", "null", "number", "object", "string"])
    kinds = {given} if isinstance(given, str) else set(given)
    return kinds | {"integer"} if "number" in kinds else kinds


def _resolved(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    reference = schema.get("$ref")
    return definitions[reference.rpartition("/")[2]] if reference else schema
