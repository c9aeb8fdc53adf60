"""``/store``: whether the database is in the history in which it was left, and so whether anything is sent."""

from pathlib import Path

from services.api.fields import NoQuery
from services.api.moments import moment_or_null
from services.api.operation import OPERATORS, Answer, Api, Call, Operation
from services.api.resources.store.schema import StoreAnswer
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


async def get_store(api: Api, _: Call[NoQuery, None]) -> Answer:
    [row] = await api.database.fetch(QUERIES["standing"])
    return Answer(
        StoreAnswer(
            epoch=row["epoch"],
            open=row["open"],
            held_since=moment_or_null(row["held_since"]),
            held_why=row["held_why"],
            lost_from=moment_or_null(row["lost_from"]),
        )
    )


OPERATIONS = (
    Operation(
        "GET",
        "/store",
        "Whether anything is sent; after a restore nothing is until `postroom confirm-restore`",
        get_store,
        StoreAnswer,
        roles=OPERATORS,
    ),
)
