"""``/campaign/:id/callback``: the callbacks of a campaign, and to have one made again."""

from pathlib import Path

from services.api.fields import NoQuery
from services.api.moments import moment, moment_or_null
from services.api.operation import WRITERS, Answer, Api, Call, Operation
from services.api.paging import PageQuery, answer_page, read_id_cursor
from services.api.resources.callback.schema import WindowAnswer
from shared.domain.callback import call_id
from shared.domain.delivery import Kind
from shared.domain.refusal import Refused
from shared.event_store.interface import Append
from shared.event_store.on_postgres import append_in
from shared.postgres.database import Row
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


async def get_windows(api: Api, call: Call[PageQuery, None]) -> Answer | Refused:
    (campaign_id,) = call.ids
    after = read_id_cursor(call.query.start)
    if isinstance(after, Refused):
        return after
    if await _campaign(api, campaign_id, call) is None:
        return _missing(campaign_id)
    rows = await api.database.fetch(QUERIES["window_page"], campaign_id, after, call.query.count + 1)
    total = await api.database.fetch_value(QUERIES["window_total"], campaign_id)
    return answer_page(call.target, list(map(_answer, rows)), call.query.count, total, lambda last: [last["id"]])


async def post_redeliver(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    """It is sent again from what the log said; with it whatever waits, in its order."""
    campaign_id, number = call.ids
    campaign = await _campaign(api, campaign_id, call)
    if campaign is None:
        return _missing(campaign_id)
    if not campaign["wanted"]:
        return Refused.conflict("the campaign has no event_callback to send it to", "event_callback")
    async with api.database.transaction() as connection:
        if await connection.execute(QUERIES["want_again"], campaign_id, number) == 0:
            return Refused.not_found(f"there is no window {number} of campaign {campaign_id}")
        [row] = await connection.fetch(QUERIES["window_page"], campaign_id, number - 1, 1)
        answer = Answer(_answer(row))
        await append_in(connection, [Append((), call.remember(answer))])
    return answer


async def _campaign(api: Api, campaign_id: int, call: Call[PageQuery, None] | Call[NoQuery, None]) -> Row | None:
    caller = call.caller
    return await api.database.fetch_row(QUERIES["campaign_called"], caller.account_id, campaign_id, caller.only_of_user)


def _missing(campaign_id: int) -> Refused:
    return Refused.not_found(f"there is no campaign {campaign_id}")


def _answer(row: Row) -> WindowAnswer:
    return WindowAnswer(
        id=row["number"],
        webhook_id=call_id(row["campaign_id"], row["number"]),
        task_id=row["task_id"],
        channel=row["channel"],
        event=Kind(row["kind"]).name.lower(),
        window=moment(row["opened_at"]),
        when=row["first_ms"] // 1000,
        people=row["people"],
        state=row["state"],
        attempts=row["attempts"],
        last_attempt=moment_or_null(row["attempted_at"]),
        last_status=row["last_status"],
        last_error=row["last_error"],
        next_attempt=moment_or_null(row["next_attempt"]),
    )


OPERATIONS = (
    Operation(
        "GET",
        "/campaign/{campaign_id}/callback",
        "The callbacks of a campaign, with their state and attempts",
        get_windows,
        list[WindowAnswer],
        query=PageQuery,
        refusals=(404,),
    ),
    Operation(
        "POST",
        "/campaign/{campaign_id}/callback/{window_id}/redeliver",
        "Make a callback again; what is parked goes on with it",
        post_redeliver,
        WindowAnswer,
        refusals=(404, 409),
        roles=WRITERS,
    ),
)
