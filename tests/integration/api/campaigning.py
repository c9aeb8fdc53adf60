"""Campaigns for requests to meet, and what may be said about them."""

import random
from typing import Any

from services.api.operation import Operation
from tests.integration.api.conftest import LATER, Client, Ready

CAMPAIGNS = 24

BODIES: dict[str, list[dict[str, Any]]] = {
    "POST /campaign": [
        {"name": "c", "list": 1, "segments": [], "state": "SCHEDULED", "when": 4_000_000_000},
        {"name": "c", "list": 1, "domain": None, "when": "2026-11-24T09:30", "event_callback": "https://9.9.9.9/?a=b"},
    ],
    "PUT /campaign/{campaign_id}": [
        {"name": "d", "segments": [], "when": 4_000_000_001, "event_callback": None},
        {"state": "SCHEDULED", "list": 1},
    ],
    "POST /campaign/{campaign_id}/payload": [{"channel": "email", "message_id": 1}],
    "PUT /campaign/{campaign_id}/payload/{payload_id}": [
        {"channel": "email", "message_id": 1},
        {"message_id": 1},
        {"channel": "email"},
        {},
    ],
}


async def make_campaigns(operation: Operation[Any, Any], client: Client, ready: Ready) -> None:
    """As many drafts as an operation on one may use up; of each the payload has its number, or every other has none."""
    for number in range(CAMPAIGNS if "{campaign_id}" in operation.path else 0):
        made = await client.post("/campaign", {"name": f"c{number}", "list": 1, "when": 4_000_000_000})
        if number % 2 == 0 or "{payload_id}" in operation.path:
            payload = {"channel": "email", "message_id": ready.message_id}
            await client.post(f"/campaign/{made.json['id']}/payload", payload)


def alike(operation: Operation[Any, Any], ids: list[str], draw: random.Random) -> list[str]:
    """The ids to draw those of a path from: only one where campaign n has payload n, or window n."""
    return [draw.choice(ids)] if operation.path.count("{") > 1 and "{campaign_id}" in operation.path else ids


async def make(client: Client, ready: Ready, **given: Any) -> dict[str, Any]:
    made = await client.post("/campaign", {"name": "Spring", "list": ready.list_id, **given})
    assert made.status == 201, made.json
    found: dict[str, Any] = made.json
    return found


async def make_complete(client: Client, ready: Ready, domain: int, **given: Any) -> dict[str, Any]:
    """A draft that lacks nothing."""
    made = await make(client, ready, domain=domain, **{"when": LATER, **given})
    path = f"/campaign/{made['id']}/payload"
    assert (await client.post(path, {"channel": "email", "message_id": ready.message_id})).status == 201
    found: dict[str, Any] = (await client.get(f"/campaign/{made['id']}")).json
    return found
