"""``/user``: parse, handle, answer."""

from services.api import credentials
from services.api.body import object_body
from services.api.fields import NoQuery
from services.api.moments import moment
from services.api.operation import ADMINS, Answer, Api, Call, Operation
from services.api.paging import PageQuery, answer_page, read_id_cursor
from services.api.resources.user import read
from services.api.resources.user.schema import NewUser, UserAnswer
from shared.domain.account import Account, AddUser, User
from shared.domain.identifiers import UserId, account_stream
from shared.domain.refusal import Refused
from shared.event_store.interface import Actor, Write
from shared.event_store.read_models.account import ACCOUNTS


async def post_user(api: Api, call: Call[NoQuery, NewUser]) -> Answer | Refused:
    caller, wish = call.caller, call.content
    user_id = UserId(await api.ids.next("user_id"))
    secrets = credentials.draw_user_secrets()

    def also(state: Account) -> tuple[Write, ...]:
        user = state.users[user_id]
        return (credentials.user_row(api.secret, state.account_id, user, secrets), *call.remember(_created(user)))

    stream, actor = account_stream(caller.account_id), Actor(caller.account_id, caller.user_id)
    command = AddUser(user_id, wish.name, wish.role, caller.role)
    async with api.in_turn.turn(stream):
        done = await api.commands.handle(ACCOUNTS, stream, command, actor, also=also)
    return done if isinstance(done, Refused) else _created(done.state.users[user_id])


def _created(user: User) -> Answer:
    body = UserAnswer(id=user.user_id, name=user.name, role=user.role, cdate=moment(user.cdate))
    return Answer(body, 201, {"Location": f"/user/{user.user_id}"})


async def get_users(api: Api, call: Call[PageQuery, None]) -> Answer | Refused:
    after = read_id_cursor(call.query.start)
    if isinstance(after, Refused):
        return after
    users, total = await read.read_page(api.database, call.caller.account_id, after, call.query.count)
    return answer_page(call.target, users, call.query.count, total, lambda last: [last["id"]])


async def get_user(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    (user_id,) = call.ids
    found = await read.read_user(api.database, call.caller.account_id, user_id)
    return Answer(found) if found else Refused.not_found(f"there is no user {user_id}")


OPERATIONS = (
    Operation("GET", "/user", "The users of the account", get_users, list[UserAnswer], query=PageQuery, roles=ADMINS),
    Operation(
        "POST",
        "/user",
        "Make a user",
        post_user,
        UserAnswer,
        body=object_body(NewUser),
        status=201,
        refusals=(409, 413, 415),
        roles=ADMINS,
    ),
    Operation("GET", "/user/{user_id}", "One user", get_user, UserAnswer, refusals=(404,), roles=ADMINS),
)
