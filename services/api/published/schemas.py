"""JSON Schemas of the data of published events, made of the types that encode them. Pure.

A field with a default was added after the first events were stored, so it is the one kind that may be missing.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter

from services.api.published.catalogue import CATALOGUE, MOST_RECIPIENTS, VERSION, PublishedEvent, event_name

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]


def data_schema(event: PublishedEvent) -> Schema:
    """Complete in itself: what it refers to stands in it. Readers must ignore fields they do not know."""
    schema: Schema = _plain(TypeAdapter(event.kind).json_schema(mode="validation", ref_template="#/$defs/{model}"))
    if event.led_by is not None:
        # Its own id may be among the fields of the event already, and then it is the event that says it.
        leading = {event.led_by: {"type": "integer"}, "version": {"type": "integer", "minimum": 1}}
        schema["properties"] = leading | schema.get("properties", {})
        schema["required"] = list(dict.fromkeys([event.led_by, "version", *schema.get("required", [])]))
    if event.delivery is not None:
        schema["properties"]["event"] = {"type": "string", "enum": [event_name(event.delivery)]}
        schema["properties"]["recipients"] |= {"minItems": 1, "maxItems": MOST_RECIPIENTS}
    return schema


def document(event: PublishedEvent) -> Schema:
    """As it stands in a file of its own."""
    schema = data_schema(event)
    about = {"description": event.meaning} if event.meaning else {}
    return {
        "$schema": DIALECT,
        "$id": f"urn:postroom:event:{VERSION}:{event.name}",
        "title": event.name,
        **about,
        **schema,
    }


def documents() -> Mapping[str, Schema]:
    return {name: document(event) for name, event in CATALOGUE.items()}


def _plain(value: Any) -> Any:
    """Without what pydantic says of Python: titles, docstrings of classes, defaults of old events."""
    if isinstance(value, dict):
        return {
            name: {key: _plain(each) for key, each in item.items()} if name in ("properties", "$defs") else _plain(item)
            for name, item in value.items()
            if not (name in ("title", "description", "default") and not isinstance(item, dict))
        }
    return [_plain(item) for item in value] if isinstance(value, list) else value
