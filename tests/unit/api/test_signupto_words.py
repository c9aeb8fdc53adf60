"""Numbers and bodies of ``/v1``, and how the description of the API tells of it."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api import openapi
from services.api.app import OPERATIONS
from services.api.body import FORM, JSON
from services.api.dialects.signupto.bodies import loose_body
from services.api.dialects.signupto.msisdn import to_msisdn, to_telephone
from services.api.dialects.signupto.subscription_id import LARGEST, parts_of, subscription_id
from services.api.resources.task.schema import TaskChange

CHANGE = loose_body(TaskChange)


@given(st.integers(1, 2**24 - 1), st.integers(1, 2**39 - 1))
def test_a_subscription_has_one_number_in_the_order_of_list_and_subscriber(list_id: int, subscriber_id: int) -> None:
    number = subscription_id(list_id, subscriber_id)

    assert parts_of(number) == (list_id, subscriber_id)
    assert number <= LARGEST
    assert number < subscription_id(list_id, subscriber_id + 1) < subscription_id(list_id + 1, 1) + 2**39


@pytest.mark.parametrize(
    ("given", "telephone"), [("447700900123", "+447700900123"), ("+447700900123", "+447700900123"), ("07700", "07700")]
)
def test_a_telephone_number_with_and_without_its_plus(given: str, telephone: str) -> None:
    assert to_telephone(given) == telephone
    assert to_msisdn(telephone) == telephone.removeprefix("+")


@pytest.mark.parametrize("media", [JSON, FORM])
@pytest.mark.parametrize(
    "body", [b'{"id": "7", "cancelled": 1}', b'{"id": 7, "cancelled": true}', b' {"id":7,"cancelled":"True"}']
)
def test_json_is_read_whatever_it_is_called_and_however_it_spells_its_values(media: str, body: bytes) -> None:
    change = CHANGE.read(media, body)

    assert isinstance(change, TaskChange)
    assert (change.id, change.cancelled, change.model_fields_set) == (7, True, {"id", "cancelled"})


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**64 - 1)
        | st.floats(allow_nan=False)
        | st.text(st.characters(codec="utf-8")),
        st.lists,
    )
)
def test_no_value_breaks_the_reader(value: object) -> None:
    for media in (JSON, FORM):
        assert isinstance(
            CHANGE.read(media, orjson.dumps({"name": value, "id": value, "cancelled": value})), list | TaskChange
        )


@given(st.binary(max_size=60))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    for media in (JSON, FORM):
        assert isinstance(CHANGE.read(media, data), list | TaskChange)


def test_the_description_tells_of_v1() -> None:
    """Its envelope, its ways of signing in, and that a token needs none."""
    paths = openapi.describe(OPERATIONS, "1")["paths"]
    task = paths["/v1/task"]

    assert set(task) == {"get", "head", "post", "put"}
    assert {"suthash": []} in task["get"]["security"]
    assert {"suthash": []} not in paths["/task"]["get"]["security"]
    assert paths["/v1/token"]["post"]["security"] == []
    assert set(task["post"]["responses"]) >= {"202", "400", "409"}
    assert "RefusalEnvelope" in str(task["get"]["responses"]["404"])
    assert "Problem" in str(paths["/task/{task_id}"]["get"]["responses"]["404"])
    assert {parameter["name"] for parameter in task["get"]["parameters"]} >= {"count", "sort", "reverse", "start"}
