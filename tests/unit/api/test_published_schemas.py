"""Published events are what their schemas and documents say, and stay what the last release promised."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from services.api.published.asyncapi import describe_bus
from services.api.published.catalogue import CATALOGUE
from services.api.published.compatibility import breaks
from services.api.published.envelope import envelope_of
from services.api.published.schemas import documents
from services.api.published.write_documents import RELEASED, written
from services.api.published.write_yaml import write_yaml
from shared.domain.identifiers import Instant
from shared.event_store.codec import name_of
from shared.event_store.interface import Actor, RecordedEvent, TailPosition
from tests.contract.event_samples import SAMPLES

DOCS = Path(__file__).resolve().parents[3] / "docs"
PUBLISHED = [event for event in SAMPLES if name_of(event) in CATALOGUE]


def test_documents_are_current() -> None:
    """Written anew they are what is committed, and nothing is left of events that are gone."""
    files = {path: (DOCS / path).read_text(encoding="utf-8") for path in written()}
    there = {path.relative_to(DOCS) for path in (DOCS / "reference/events/v1").glob("*.json")}

    assert files == written()
    assert there == {path for path in files if path.suffix == ".json"}


def test_every_published_event_has_a_sample() -> None:
    """So that none is left out of the next test."""
    assert {name_of(event) for event in PUBLISHED} == {
        name for name, event in CATALOGUE.items() if event.delivery is None
    }


@pytest.mark.parametrize("event", PUBLISHED, ids=name_of)
def test_what_is_sent_fits_its_schema(event: object) -> None:
    """To the last field: nothing is sent that the schema does not name."""
    name = name_of(event)
    recorded = RecordedEvent(TailPosition(1, 2, 3), f"{name.split('.')[0]}-9", 4, name, event, Actor(7), Instant(1.5))

    data = orjson.loads(envelope_of(recorded, {}).data)

    schema = documents()[name]
    jsonschema.Draft202012Validator(schema).validate(data)
    assert data.keys() == schema["properties"].keys()


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_a_schema_is_one(name: str) -> None:
    """By the dialect it names."""
    jsonschema.Draft202012Validator.check_schema(documents()[name])


def test_the_last_release_is_kept_to() -> None:
    """Whoever reads events by the schemas of the last release can read those of now."""
    assert breaks(orjson.loads((DOCS / RELEASED).read_bytes()), documents()) == []


OLD: dict[str, Any] = {
    "task.done": {
        "type": "object",
        "required": ["id", "why"],
        "properties": {
            "id": {"type": "integer"},
            "why": {"type": "string", "enum": ["a", "b"]},
            "name": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "people": {"type": "array", "maxItems": 9, "items": {"$ref": "#/$defs/Person"}},
            "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
        },
        "$defs": {"Person": {"type": "object", "required": ["n"], "properties": {"n": {"type": "number"}}}},
    }
}


def test_a_job_is_known_by_its_public_id() -> None:
    """In the subject as in the data, never by the number of its stream."""
    event = next(event for event in PUBLISHED if name_of(event) == "job.created")
    recorded = RecordedEvent(TailPosition(1, 2, 3), "job-9", 1, "job.created", event, Actor(7), Instant(1.5))

    envelope = envelope_of(recorded, {})

    assert envelope.subject == f"job/{orjson.loads(envelope.data)['job_id']}"
    assert envelope.subject != "job/9"


def _without(schema: Any, *path: str) -> None:
    for step in path[:-1]:
        schema = schema[step]
    del schema[path[-1]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(lambda s: _without(s, "properties", "why"), "task.done: why was removed", id="removed"),
        pytest.param(
            lambda s: s["properties"].update(id={"type": "string"}), "task.done: id is no longer integer", id="type"
        ),
        pytest.param(
            lambda s: s["properties"].update(name={"type": "string"}), "task.done: name is no longer null", id="null"
        ),
        pytest.param(
            lambda s: s["properties"]["why"].update(enum=["a"]), "task.done: why no longer allows b", id="enum"
        ),
        pytest.param(
            lambda s: s["properties"]["name"].update(anyOf=[{"type": "string", "maxLength": 3}, {"type": "null"}]),
            "task.done: name lost one of its forms",
            id="shorter",
        ),
        pytest.param(
            lambda s: s["properties"]["people"].update(maxItems=5),
            "task.done: people allows less: maxItems 9 became 5",
            id="fewer",
        ),
        pytest.param(lambda s: s["required"].append("name"), "task.done: name became required", id="required"),
        pytest.param(lambda s: s["required"].remove("why"), "task.done: why may now be missing", id="optional"),
        pytest.param(
            lambda s: (s["properties"].update(new={"type": "null"}), s["required"].append("new")),
            "task.done: new is new and required, which events of before do not have",
            id="new and required",
        ),
        pytest.param(
            lambda s: s["$defs"]["Person"]["properties"].update(n={"type": "integer"}),
            "task.done: people[].n is no longer number",
            id="deep",
        ),
        pytest.param(
            lambda s: s["properties"]["counts"].update(additionalProperties={"type": "null"}),
            "task.done: counts[] is no longer integer",
            id="of each key",
        ),
    ],
)
def test_what_breaks_readers_is_named_by_event_and_field(change: Any, said: str) -> None:
    """One change each, and one sentence that names it."""
    newer = deepcopy(OLD)
    change(newer["task.done"])

    assert breaks(OLD, newer) == [said]


def test_an_event_that_is_gone_is_named() -> None:
    assert breaks(OLD, {}) == ["task.done: is not published any more"]


def test_what_is_added_breaks_nobody() -> None:
    """A field that may be missing, another event, a wider type."""
    newer = deepcopy(OLD) | {"task.new": {"type": "object"}}
    properties = newer["task.done"]["properties"]
    properties["id"] = {"type": "number"}
    properties["more"] = {"type": "string"}
    properties["why"]["enum"].append("c")

    assert breaks(OLD, newer) == []


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.dictionaries(st.text(), PLAIN, max_size=4).filter(bool))
def test_what_is_written_as_yaml_is_read_back(value: dict[str, Any]) -> None:
    """Whatever the words are."""
    assert yaml.safe_load(write_yaml(value)) == value


def test_the_description_of_the_bus_names_every_event() -> None:
    """And its references lead somewhere."""
    described = describe_bus("1")

    assert described["channels"].keys() == CATALOGUE.keys()
    references = [line.split("$ref: ")[1].strip('"') for line in write_yaml(described).splitlines() if "$ref: " in line]
    for reference in references:
        found: Any = described
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
    assert len(references) > 3 * len(CATALOGUE)
