"""How many a new task to a search would go to: what ``what_a_new_task_needs`` counts for a list."""

from services.api.operation import Api
from services.api.resources.task.schema import NewTask
from shared.audience.count import class_of_message, count_mailable, read_audience


async def size_of_search(api: Api, account_id: int, wish: NewTask) -> int | None:
    """None: the account has no such search. 0 as well where there is no such message, which is refused anyway."""
    if wish.search_id is None:
        return None
    audience = await read_audience(api.database, account_id, wish.search_id, api.now())
    if audience is None:
        return None
    message_class = await class_of_message(api.database, account_id, wish.message_id)
    if message_class is None:
        return 0
    # One account's counts, which may take long, never take all connections.
    async with api.in_turn.turn(f"count of {account_id}"):
        return await count_mailable(api.database, account_id, audience, wish.channel, message_class)
