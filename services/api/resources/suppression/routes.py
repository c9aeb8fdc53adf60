"""``/suppression``: parse, handle, answer."""

from services.api.accept import choose
from services.api.fields import NoQuery
from services.api.lines import CSV, Faults, Lines, line_faults, read_lines
from services.api.operation import MEBIBYTE, WRITERS, Answer, Api, Call, Operation, Stream
from services.api.paging import DEFAULT_COUNT, answer_page, read_id_cursor
from services.api.resources.suppression import read
from services.api.resources.suppression.record import Batch, Outcome, id_of, in_spite_of_others, record, wanted_of
from services.api.resources.suppression.schema import (
    SUPPRESSION_LINES,
    PostedSuppression,
    SuppressedAnswer,
    SuppressionAnswer,
    SuppressionQuery,
)
from shared.domain.refusal import Refused
from shared.event_store.interface import Actor
from shared.postgres.database import Connection
from shared.suppression.address_hash import AddressHashes
from shared.suppression.record import lift_in

MEDIA = ("application/json", CSV)


async def post_suppressions(api: Api, call: Call[NoQuery, Lines]) -> Answer | Refused:
    valid, faults = await read_lines(call.content, PostedSuppression)
    actor = Actor(call.caller.account_id, call.caller.user_id)
    batch = Batch(actor, AddressHashes(api.secret), valid, str(api.random_id()), api.now())
    if call.content.one:
        return await _post_one(api, call, batch, faults)

    async def finish(_: Connection, outcome: Outcome) -> Answer:
        failures = [*faults, *outcome.faults]
        body = SuppressedAnswer(
            created=len(outcome.new),
            existing=len(valid) - len(outcome.faults) - len(outcome.new),
            failed=len({number for number, _ in failures}),
            errors=line_faults(failures),
        )
        return Answer(body)

    return await record(api.database, batch, finish, call.remember)


async def _post_one(api: Api, call: Call[NoQuery, Lines], batch: Batch, faults: Faults) -> Answer | Refused:
    if faults:
        return Refused.invalid(*(fault for _, fault in faults))
    [(_, line)] = batch.lines

    async def finish(connection: Connection, outcome: Outcome) -> Answer | Refused:
        if outcome.faults:
            return Refused.invalid(*(fault for _, fault in outcome.faults))
        found = await id_of(connection, batch.hashes, wanted_of(batch.actor, line))
        [body] = await read.read_suppressions(connection, batch.actor.account_id, [found])
        location = {"Location": f"/suppression/{body['id']}"}
        owner = (body["subscriber_id"],) if body["subscriber_id"] is not None else ()
        return Answer(body, 201 if outcome.new else 200, location, about=owner)

    return await record(api.database, batch, finish, call.remember)


async def get_suppressions(api: Api, call: Call[SuppressionQuery, None]) -> Answer | Stream | Refused:
    query, account_id = call.query, call.caller.account_id
    after = read_id_cursor(query.start)
    if isinstance(after, Refused):
        return after
    filters = read.filters_of(query, account_id, AddressHashes(api.secret))
    media = choose(call.accept, MEDIA)
    if media == CSV:
        return Stream(read.write_csv(api.database, filters, after, query.count), f"{CSV}; charset=utf-8")
    count = query.count or DEFAULT_COUNT
    found, total = await read.read_page(api.database, filters, after, count)
    return answer_page(call.target, found, count, total, lambda last: [last["id"]])


async def get_suppression(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    found = await read.read_suppressions(api.database, call.caller.account_id, call.ids)
    return Answer(found[0]) if found else _missing(call.ids[0])


async def delete_suppression(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    """Answers what was lifted; of a person's wish, with the same for his other addresses."""
    account_id, user_id = call.caller.account_id, call.caller.user_id

    async def attempt(connection: Connection) -> Answer | Refused:
        (asked,) = call.ids
        found = await read.read_suppressions(connection, account_id, call.ids)
        rows = await connection.fetch(read.QUERIES["wished_with"], account_id, asked)
        ids = sorted({asked, *(row["id"] for row in rows)})
        lifted = await lift_in(connection, account_id, ids, api.now(), str(api.random_id()), user_id)
        return Answer(found[0]) if found and lifted else _missing(asked)

    return await in_spite_of_others(api.database, attempt)


def _missing(suppression_id: int) -> Refused:
    return Refused.not_found(f"there is no suppression {suppression_id}")


OPERATIONS = (
    Operation(
        "GET",
        "/suppression",
        "Who is not written to, and why; by id",
        get_suppressions,
        list[SuppressionAnswer],
        query=SuppressionQuery,
        media=MEDIA,
    ),
    Operation(
        "POST",
        "/suppression",
        "Suppress one address (201, or 200 if it was so already) or up to 10,000 (200, what became of the lines)",
        post_suppressions,
        SuppressionAnswer,
        body=SUPPRESSION_LINES,
        example={"email": "ada@example.com", "reason": "manual"},
        status=201,
        also_answers={200: SuppressionAnswer | SuppressedAnswer},
        refusals=(409, 413, 415),
        roles=WRITERS,
        limit=16 * MEBIBYTE,
    ),
    Operation(
        "GET", "/suppression/{suppression_id}", "One suppression", get_suppression, SuppressionAnswer, refusals=(404,)
    ),
    Operation(
        "DELETE",
        "/suppression/{suppression_id}",
        "Lift a suppression and undo what it stands for: an ended subscription, an opt-out",
        delete_suppression,
        SuppressionAnswer,
        refusals=(404,),
        roles=WRITERS,
    ),
)
