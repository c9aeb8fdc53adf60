"""``/key``: parse, handle, answer."""

from services.api import credentials
from services.api.body import object_body
from services.api.fields import NoQuery
from services.api.moments import moment
from services.api.operation import ADMINS, Answer, Api, Call, Operation
from services.api.paging import PageQuery, answer_page, read_id_cursor
from services.api.resources.key import read
from services.api.resources.key.schema import KeyAnswer, MadeKeyAnswer, NewKey
from shared.domain.account import Account, AddKey, Key, RevokeKey
from shared.domain.identifiers import KeyId, UserId, account_stream
from shared.domain.refusal import Refused
from shared.event_store.interface import Actor, Write
from shared.event_store.read_models.account import ACCOUNTS
from shared.event_store.read_models.statements import STATEMENTS


async def post_key(api: Api, call: Call[NoQuery, NewKey]) -> Answer | Refused:
    caller, wish = call.caller, call.content
    key_id = KeyId(await api.ids.next("key_id"))
    key, prefix = credentials.draw_key()

    def also(state: Account) -> tuple[Write, ...]:
        made = state.keys[key_id]
        # What is kept for a repeat is kept for good, and a key is kept nowhere.
        return (credentials.key_row(state.account_id, made, key), *call.remember(_created(made, None)))

    stream, actor = account_stream(caller.account_id), Actor(caller.account_id, caller.user_id)
    command = AddKey(key_id, UserId(wish.user_id), wish.name, prefix, caller.role)
    async with api.in_turn.turn(stream):
        done = await api.commands.handle(ACCOUNTS, stream, command, actor, also=also)
    return done if isinstance(done, Refused) else _created(done.state.keys[key_id], key)


def _created(made: Key, key: str | None) -> Answer:
    return Answer(MadeKeyAnswer(**_entry(made), key=key), 201, {"Location": f"/key/{made.key_id}"})


def _entry(key: Key) -> KeyAnswer:
    return KeyAnswer(
        id=key.key_id,
        user_id=key.user_id,
        name=key.name,
        prefix=key.prefix,
        cdate=moment(key.cdate),
        revoked=key.revoked,
    )


async def get_keys(api: Api, call: Call[PageQuery, None]) -> Answer | Refused:
    after = read_id_cursor(call.query.start)
    if isinstance(after, Refused):
        return after
    keys, total = await read.read_page(api.database, call.caller.account_id, after, call.query.count)
    return answer_page(call.target, keys, call.query.count, total, lambda last: [last["id"]])


async def delete_key(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    caller, key_id = call.caller, KeyId(call.ids[0])
    stream, actor = account_stream(caller.account_id), Actor(caller.account_id, caller.user_id)
    async with api.in_turn.turn(stream):
        done = await api.commands.handle(
            ACCOUNTS,
            stream,
            RevokeKey(key_id),
            actor,
            also=lambda _: (Write(STATEMENTS["revoke_key"], (key_id,)),),
        )
    if isinstance(done, Refused):
        return done
    revoked = done.state.keys[key_id]
    api.forget_key(revoked.prefix)
    return Answer(_entry(revoked))


OPERATIONS = (
    Operation(
        "GET",
        "/key",
        "The keys of the account, without the keys themselves",
        get_keys,
        list[KeyAnswer],
        query=PageQuery,
        roles=ADMINS,
    ),
    Operation(
        "POST",
        "/key",
        "Make a key of a user",
        post_key,
        MadeKeyAnswer,
        body=object_body(NewKey),
        status=201,
        refusals=(404, 409, 413, 415),
        roles=ADMINS,
    ),
    Operation("DELETE", "/key/{key_id}", "Revoke a key", delete_key, KeyAnswer, refusals=(404,), roles=ADMINS),
)
