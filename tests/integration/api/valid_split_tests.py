"""What the operations on split tests would take as it is, for the test that puts something wrong into it."""

from typing import Any

from services.api.operation import Operation
from tests.integration.api.conftest import EMAIL_MESSAGE, LATER, Client, Ready


async def prepare(operation: Operation[Any, Any], client: Client) -> None:
    """A second message, and a split test of the two."""
    if "/split" in operation.path:
        await client.post("/message", EMAIL_MESSAGE)
        made = await client.post("/splittest", _new(Ready(1, 1)))
        assert made.status == 201, made.data


def bodies(ready: Ready) -> dict[str, list[dict[str, Any]]]:
    """By method and path."""
    change = {"id": 1, "winner_message_id": 2, "cancelled": False}
    return {
        "POST /splittest": [_new(ready)],
        "PUT /splittest": [{"id": 1, "name": "n", "delay": 1}, change],
        "PUT /splittest/{splittest_id}": [{"name": "n", "message_ids": [2, 1]}, {"search_id": 1, "list_id": None}],
        "POST /v1/splitTest": [{**_new(ready), "message_ids": "1,2", "search_id": ""}],
        "PUT /v1/splitTest": [{"id": 1, "name": "n", "delay": 1}, change],
        "PUT /v1/splitTest/{splittest_id}": [{"name": "n", "message_ids": "2,1"}, {"delay": 1}],
    }


def _new(ready: Ready) -> dict[str, Any]:
    return {
        "message_ids": [ready.message_id, 2],
        "list_id": ready.list_id,
        "search_id": None,
        "criterion": "open",
        "delay": 0.5,
        "segmenttype": "number",
        "segmentvalue": 5,
        "scheduledtime": LATER,
        "rate": 5,
        "tie": "random",
    }
