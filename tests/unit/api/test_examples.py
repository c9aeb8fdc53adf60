"""The description of the API has an example for each request and each answer, and they are right."""

from importlib.metadata import version
from typing import Any

import jsonschema
import orjson
import pytest

from services.api import openapi
from services.api.app import OPERATIONS
from services.api.body import JSON
from services.api.lines import NDJSON, Lines
from services.api.operation import Operation
from shared.domain.refusal import Fault

DESCRIBED = orjson.loads(orjson.dumps(openapi.describe(OPERATIONS, version("postroom"))))

each_operation = pytest.mark.parametrize(
    "operation", OPERATIONS, ids=lambda operation: f"{operation.method} {operation.path}"
)


def described(operation: Operation[Any, Any]) -> Any:
    return DESCRIBED["paths"][operation.path][operation.method.lower()]


@each_operation
def test_every_example_fits_its_schema(operation: Operation[Any, Any]) -> None:
    """Of the request in each form, and of each success."""
    contents = [described(operation).get("requestBody", {}).get("content", {})]
    contents += [found["content"] for status, found in described(operation)["responses"].items() if status < "300"]

    assert all(contents[1:])
    for media in (media for content in contents for media in content.values()):
        schema = {**media["schema"], "components": DESCRIBED["components"]}
        jsonschema.Draft202012Validator(schema).validate(media["example"])


@each_operation
def test_the_api_takes_its_own_examples(operation: Operation[Any, Any]) -> None:
    """Rules between fields, and those no schema can say, are kept as well."""
    contents = described(operation).get("requestBody", {}).get("content", {})
    for media in {JSON, NDJSON} & contents.keys():
        assert operation.body is not None
        read = operation.body.read(media, orjson.dumps(contents[media]["example"]))

        items = read if isinstance(read, list) else [item for _, item in read.items] if isinstance(read, Lines) else []
        assert [item for item in items if isinstance(item, Fault)] == []


def test_an_example_says_something() -> None:
    """What a person would write, not what fills a place."""
    example = DESCRIBED["paths"]["/list/{list_id}/subscriber"]["post"]["requestBody"]["content"][JSON]["example"]

    assert example["email"] == "ada@example.com"
    assert example["vars"] == {"name": "Ada"}
