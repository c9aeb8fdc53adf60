"""The description of the bus (AsyncAPI 3), made of the types that encode its messages. Pure."""

from typing import Any, Final

from services.api.published.catalogue import CATALOGUE, MOST_RECIPIENTS, PublishedEvent
from services.api.published.schemas import data_schema
from shared.bus.cloud_event import CONTENT_TYPE, HEADER_PREFIX, SOURCE
from shared.bus.topology import topology

_ABOUT: Final = f"""Events for other services, on a durable topic exchange. The routing key is the name of the event,
as task.completed or delivery.opened; bind a queue of your own to it with the pattern you want. Messages are CloudEvents
1.0 in binary mode. Each comes at least once: its id is the same at every repetition. What became of recipients comes in
batches of at most {MOST_RECIPIENTS}. Fields may be added; ignore those you do not know. Whoever comes late, or was
away, reads GET /events of the API, which tells the same events from the beginning."""

_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "specversion": {"type": "string", "const": "1.0"},
    "id": {"type": "string", "minLength": 1, "description": "The same at every repetition"},
    "source": {"type": "string", "const": SOURCE},
    "subject": {"type": "string", "description": "What it is about, as task/7"},
    "time": {"type": "string", "format": "date-time", "description": "When it was stored"},
    "accountid": {"type": "string", "pattern": "^[0-9]+$"},
}

#: Not on every message: the trace of what asked for it.
_TRACED: Final[dict[str, Any]] = {"type": "string", "description": "The trace it belongs to, where that is known"}


def describe_bus(version: str) -> dict[str, Any]:
    exchange = topology().events
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Postroom events", "version": version, "description": " ".join(_ABOUT.split())},
        "defaultContentType": CONTENT_TYPE,
        "channels": {name: _channel(event, exchange.name, exchange.kind) for name, event in CATALOGUE.items()},
        "operations": {
            f"send.{name}": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{name}"},
                "messages": [{"$ref": f"#/channels/{name}/messages/event"}],
                "bindings": {"amqp": {"deliveryMode": 2, "mandatory": False, "bindingVersion": "0.3.0"}},
            }
            for name in CATALOGUE
        },
        "components": {
            "messages": {name: _message(event) for name, event in CATALOGUE.items()},
            "schemas": {name: _as_component(name, data_schema(event)) for name, event in CATALOGUE.items()},
        },
    }


def _channel(event: PublishedEvent, exchange: str, kind: str) -> dict[str, Any]:
    binding = {
        "is": "routingKey",
        "exchange": {"name": exchange, "type": kind, "durable": True, "autoDelete": False},
        "bindingVersion": "0.3.0",
    }
    return {
        "address": event.name,
        "messages": {"event": {"$ref": f"#/components/messages/{event.name}"}},
        "bindings": {"amqp": binding},
    }


def _message(event: PublishedEvent) -> dict[str, Any]:
    headers = {**_HEADERS, "type": {"type": "string", "const": f"postroom.{event.name}"}}
    about = {"description": event.meaning} if event.meaning else {}
    return {
        "name": f"postroom.{event.name}",
        "contentType": CONTENT_TYPE,
        **about,
        "headers": {
            "type": "object",
            "required": [f"{HEADER_PREFIX}{name}" for name in headers],
            "properties": {
                **{f"{HEADER_PREFIX}{name}": schema for name, schema in headers.items()},
                f"{HEADER_PREFIX}traceparent": _TRACED,
            },
        },
        "payload": {"$ref": f"#/components/schemas/{event.name}"},
    }


def _as_component(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """What it refers to within itself is found from the root of the document."""
    moved: dict[str, Any] = _moved(schema, f"#/components/schemas/{name}/")
    return moved


def _moved(value: Any, root: str) -> Any:
    if isinstance(value, dict):
        return {
            key: item.replace("#/", root) if key == "$ref" and isinstance(item, str) else _moved(item, root)
            for key, item in value.items()
        }
    return [_moved(item, root) for item in value] if isinstance(value, list) else value
