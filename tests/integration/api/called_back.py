"""Windows of callbacks for requests to meet: of campaign n the one with the number n."""

from typing import Any

from services.api.operation import Operation
from shared.postgres.database import Database


async def make_windows(operation: Operation[Any, Any], database: Database, task_id: int) -> None:
    if not operation.path.startswith("/campaign/{campaign_id}/callback"):
        return
    await database.execute("UPDATE campaign SET event_callback = 'https://9.9.9.9/'")
    await database.execute(
        "INSERT INTO callback_line (campaign_id, account_id, due_at) SELECT id, 1, now() FROM campaign"
    )
    await database.execute(
        "INSERT INTO callback_window (shard, task_id, number, campaign_id, kind, opened_at, first_ms, ordinals, people)"
        " SELECT 0, $1, id, id, 4, now(), 0, '', 1 FROM campaign",
        task_id,
    )
