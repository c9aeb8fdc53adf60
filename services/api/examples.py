"""An example for a schema: what a person would write there, found by the names of the fields. Pure.

Made of the schema, so that none is ever out of date: a request has what it must have and what is often given, an answer
has everything.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

Schema = Mapping[str, Any]

_DEEPEST: Final = 6

#: By the name of the field, the first that the field's schema takes.
_WORDS: Final[Mapping[str, tuple[Any, ...]]] = {
    "account": ("acme",),
    "body": ("Your parcel arrives today",),
    "bouncing": (True,),
    "cdate": (1_780_000_000,),
    "channel": ("email",),
    "email": ("ada@example.com",),
    "end_date": ("20260601",),
    "endtime": (1_780_003_600,),
    "event": ("opened", "task.created"),
    "event_callback": ("https://example.com/events",),
    "external_id": ("crm-1815",),
    "from_email": ("news@example.com",),
    "from_name": ("Acme",),
    "html": ("<p>Hello {{ vars.name }}</p>",),
    "key": ("pr_abcdefgh_0123456789abcdefghijklmnopqrstuv",),
    "list_id": (5,),
    "message": ("Hello Ada", 3),
    "message_id": (3,),
    "name": ("Spring news",),
    "query": ({"criteria": ["valid"]},),
    "reply_to": ("help@example.com",),
    "role": ("member",),
    "scheduledtime": (1_780_000_000,),
    "sender": ("Acme",),
    "start_date": ("20260528",),
    "subject": ("Spring is here",),
    "telephone": ("+447700900123",),
    "text": ("Hello {{ vars.name }}",),
    "timezone": ("Europe/London",),
    "to": ("ada@example.com", "17:30"),
    "from": ("08:00",),
    "url": ("https://example.com/spring",),
    "vars": ({"name": "Ada"},),
    "when": (1_780_000_000, "2026-05-28T20:26:40Z"),
}

_BY_FORMAT: Final = {"email": "ada@example.com", "uri": "https://example.com/", "date-time": "2026-05-28T20:26:40Z"}
_BY_TYPE: Final[Mapping[str, Any]] = {"integer": 1, "number": 1, "boolean": False, "string": "text", "null": None}


def example_of(schema: Schema, definitions: Schema, *, all_fields: bool) -> Any:
    """``all_fields``: also those that need not be there and for which there is no word."""
    return _Maker(definitions, all_fields).make(schema, "", 0)


class _Maker:
    def __init__(self, definitions: Schema, all_fields: bool) -> None:
        self._definitions = definitions
        self._all = all_fields

    def make(self, schema: Schema, name: str, depth: int) -> Any:
        schema = self._resolved(schema)
        for word in _WORDS.get(name, ()):
            if self._takes(schema, word):
                return word
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][0]
        forms = [self._resolved(each) for each in (*schema.get("anyOf", ()), *schema.get("oneOf", ()))]
        if forms:
            return self._first_of(forms, name, depth)
        match schema.get("type"):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, name, depth)
            case "string":
                return self._string(schema)
            case "integer" | "number" as kind:
                return max(_BY_TYPE[kind], schema.get("minimum", 1))
            case kind:
                return _BY_TYPE.get(kind or "null")

    def _first_of(self, forms: list[Schema], name: str, depth: int) -> Any:
        """Something rather than nothing; nothing where it would go on for ever."""
        null = [form for form in forms if form.get("type") == "null"]
        if null and depth >= _DEEPEST:
            return None
        return self.make(next((form for form in forms if form.get("type") != "null"), forms[0]), name, depth + 1)

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        needed = set(schema.get("required", ()))
        properties = schema.get("properties", {})
        chosen = [name for name in properties if name in needed or name in _WORDS or (self._all and depth < _DEEPEST)]
        made = {name: self.make(properties[name], name, depth + 1) for name in chosen}
        values = schema.get("additionalProperties")
        if not properties and isinstance(values, dict) and values and self._all:
            keys = self._resolved(schema.get("propertyNames", {})).get("enum", ["name"])
            made[keys[0]] = self.make(values, "", depth + 1)
        return made

    def _array(self, schema: Schema, name: str, depth: int) -> list[Any]:
        if depth >= _DEEPEST and not schema.get("minItems"):
            return []
        if items := schema.get("prefixItems"):
            return [self.make(item, name, depth + 1) for item in items]
        one = self.make(schema.get("items", {}), name.removesuffix("s"), depth + 1)
        least = schema.get("minItems", 1)
        return [one + place if isinstance(one, int) else one for place in range(max(1, least))]

    def _string(self, schema: Schema) -> str:
        text = _BY_FORMAT.get(schema.get("format", ""), _BY_TYPE["string"])
        return str(text).ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength")]

    def _takes(self, schema: Schema, word: Any) -> bool:
        """Whether the word is of a kind that is possible there."""
        forms = [self._resolved(each) for each in (*schema.get("anyOf", ()), *schema.get("oneOf", ()))]
        if forms:
            return any(self._takes(form, word) for form in forms)
        if "enum" in schema or "const" in schema:
            return word in schema.get("enum", [schema.get("const")])
        kinds = {bool: "boolean", int: "integer", str: "string", dict: "object"}
        fits = schema.get("type") in (kinds[type(word)], "number" if type(word) is int else None)
        if isinstance(word, dict):
            return fits and not schema.get("properties")
        return fits and not (isinstance(word, str) and len(word) > schema.get("maxLength", len(word)))

    def _resolved(self, schema: Schema) -> Schema:
        reference = schema.get("$ref")
        return self._resolved(self._definitions[reference.rpartition("/")[2]]) if reference else schema


def as_lines(example: Any, media: str) -> str:
    """The same written otherwise: NDJSON, or CSV with a header row."""
    rows = example if isinstance(example, list) else [example]
    if media != "text/csv":
        return "".join(orjson.dumps(row).decode() + "\n" for row in rows)
    head = list(rows[0]) if rows and isinstance(rows[0], dict) else []
    lines = [head, *([_cell(row[name]) for name in head] for row in rows if head)]
    return "".join(",".join(line) + "\r\n" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
