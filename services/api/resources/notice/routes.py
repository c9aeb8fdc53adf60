"""``/notice``: what became of a single message."""

from pathlib import Path

from services.api.fields import NoQuery
from services.api.moments import moment
from services.api.operation import Answer, Api, Call, Operation
from services.api.resources.notice.schema import NoticeAnswer
from shared.domain.refusal import Refused
from shared.postgres.database import Row
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


async def get_notice(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    (notice_id,), caller = call.ids, call.caller
    row = await api.database.fetch_row(QUERIES["read_notice"], caller.account_id, notice_id, caller.only_of_user)
    return Answer(_answer(row)) if row else Refused.not_found(f"there is no notice {notice_id}")


def _answer(row: Row) -> NoticeAnswer:
    return NoticeAnswer(
        id=row["id"],
        user_id=row["user_id"],
        subscriber_id=row["subscriber_id"],
        channel=row["channel"],
        purpose=row["purpose"],
        to=row["address"],
        state=row["state"],
        reason=row["reason"],
        attempt=row["attempt"],
        cdate=moment(row["cdate"]),
    )


OPERATIONS = (
    Operation(
        "GET",
        "/notice/{notice_id}",
        "What became of a single message, as of a proof",
        get_notice,
        NoticeAnswer,
        refusals=(404,),
    ),
)
