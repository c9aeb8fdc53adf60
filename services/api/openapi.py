"""The description of the API (OpenAPI 3.1), made of the table that serves it."""

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from services.api.body import JSON
from services.api.examples import as_lines, example_of
from services.api.idempotency import HEADER
from services.api.operation import Operation
from services.api.problem import CONTENT_TYPE
from shared.domain.identifiers import INT63_MAX

_REF: Final = "#/components/schemas/{model}"
ALWAYS: Final = (400, 401, 403, 429, 503)

_PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "description": "RFC 9457; errors names every fault at once",
    "required": ["type", "title", "status", "detail", "errors"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}

_SUTHASH: Final = 'SuTHash signature="…" over the headers Date, X-SuT-CID, X-SuT-UID and X-SuT-Nonce'
_SUTTOKEN: Final = "SuTToken and what POST /v1/token answers"

_TEXT: Final = {"type": "string"}

Operations = Iterable[Operation[Any, Any]]


def describe(operations: Operations, version: str) -> dict[str, Any]:
    operations = tuple(operations)
    schemas, definitions = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        described = _operation(operation, schemas, definitions)
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
        if operation.method == "GET":
            paths[operation.path]["head"] = _headless(described)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Postroom", "version": version},
        "security": [{"bearer": []}, {"basic": []}],
        "paths": paths,
        "components": {
            "schemas": {**definitions, "Problem": _PROBLEM},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
                "suthash": {"type": "apiKey", "in": "header", "name": "Authorization", "description": _SUTHASH},
                "suttoken": {"type": "apiKey", "in": "header", "name": "Authorization", "description": _SUTTOKEN},
            },
        },
    }


def _schemas(operations: tuple[Operation[Any, Any], ...]) -> tuple[dict[Any, dict[str, Any]], dict[str, Any]]:
    """Each type's schema by its id, and what these refer to."""
    kinds: dict[int, tuple[int, JsonSchemaMode, TypeAdapter[Any]]] = {}
    for operation in operations:
        bodies = operation.body.media.values() if operation.body else ()
        for kind in bodies:
            kinds[id(kind)] = (id(kind), "validation", TypeAdapter(kind))
        refusals = (operation.refusal,) if operation.refusal is not None else ()
        for kind in (operation.answer, *operation.also_answers.values(), *refusals):
            kinds[id(kind)] = (id(kind), "serialization", TypeAdapter(kind))
    made, definitions = TypeAdapter.json_schemas(kinds.values(), ref_template=_REF)
    return {key: schema for (key, _), schema in made.items()}, definitions.get("$defs", {})


def _operation(
    operation: Operation[Any, Any], schemas: Mapping[Any, dict[str, Any]], definitions: Mapping[str, Any]
) -> dict[str, Any]:
    answers = {operation.status: operation.answer, **operation.also_answers}
    described: dict[str, Any] = {
        "operationId": _operation_id(operation),
        "summary": operation.summary,
        "description": "For everybody" if operation.public else "Roles: " + ", ".join(sorted(operation.roles)),
        "security": [{scheme: []} for scheme in operation.security],
        "parameters": [
            *_path_parameters(operation.path),
            *_query_parameters(operation.query),
            *_header_parameters(operation),
        ],
        "responses": {
            str(status): {
                "description": HTTPStatus(status).phrase,
                "content": _content(operation.media, schemas[id(kind)], definitions),
            }
            for status, kind in answers.items()
        },
    }
    refused = {*ALWAYS, *operation.refusals}
    if operation.refusal is None:
        described["responses"] |= {str(status): _problem(status) for status in sorted(refused)}
    else:
        content = {JSON: {"schema": schemas[id(operation.refusal)]}}
        described["responses"] |= {
            str(status): {"description": HTTPStatus(status).phrase, "content": content} for status in sorted(refused)
        }
    if operation.body:
        described["requestBody"] = {"required": True, "content": _request(operation, schemas, definitions)}
    return described


def _operation_id(operation: Operation[Any, Any]) -> str:
    words = re.sub(r"[^A-Za-z0-9]+", "_", operation.path.replace("_id}", "}"))
    return f"{operation.method.lower()}{words}".rstrip("_")


def _request(
    operation: Operation[Any, Any], schemas: Mapping[Any, dict[str, Any]], definitions: Mapping[str, Any]
) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for name, kind in operation.body.media.items() if operation.body else ():
        schema = schemas[id(kind)]
        example = dict(operation.example) or example_of(schema, definitions, all_fields=False)
        content[name] = {"schema": schema, "example": example}
    return content


def _content(media: Iterable[str], schema: dict[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    # Only the first form is the type itself; the others are the same lines written otherwise.
    first, *others = media
    example = example_of(schema, definitions, all_fields=True)
    return {
        first: {"schema": schema, "example": example},
        **{name: {"schema": _TEXT, "example": as_lines(example, name)} for name in others},
    }


def _problem(status: int) -> dict[str, Any]:
    content = {CONTENT_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}}
    return {"description": HTTPStatus(status).phrase, "content": content}


def _path_parameters(path: str) -> list[dict[str, Any]]:
    schema = {"type": "integer", "minimum": 1, "maximum": INT63_MAX}
    return [{"name": name, "in": "path", "required": True, "schema": schema} for name in re.findall(r"\{(\w+)\}", path)]


def _query_parameters(query: type[BaseModel]) -> list[dict[str, Any]]:
    _, schema = models_json_schema([(query, "validation")])
    properties: dict[str, Any] = schema["$defs"][query.__name__].get("properties", {})
    return [{"name": name, "in": "query", "required": False, "schema": value} for name, value in properties.items()]


def _header_parameters(operation: Operation[Any, Any]) -> list[dict[str, Any]]:
    if operation.method != "POST" or operation.public:
        return []
    schema = {"type": "string", "minLength": 1, "maxLength": 255}
    return [{"name": HEADER, "in": "header", "required": False, "schema": schema}]


def _headless(described: dict[str, Any]) -> dict[str, Any]:
    responses = {
        status: {"description": response["description"]} for status, response in described["responses"].items()
    }
    return {**described, "operationId": "head" + described["operationId"].removeprefix("get"), "responses": responses}
