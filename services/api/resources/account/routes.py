"""``/account``: parse, handle, answer."""

from services.api.body import object_body
from services.api.fields import NoQuery
from services.api.keys import CreatedKey, Opening, create_key
from services.api.moments import moment
from services.api.operation import ADMINS, OPERATORS, Answer, Api, Call, Operation
from services.api.resources.account import read
from services.api.resources.account.schema import AccountAnswer, AllowanceChange, MadeAccountAnswer, NewAccount
from shared.domain.identifiers import Instant
from shared.domain.ledger import Ledger, Terms
from shared.domain.refusal import Refused
from shared.ledger.balances import set_terms_in

KEY_NAME = "the first key"


async def get_account(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    return await _answer(api, call.caller.account_id, trusted=call.caller.role in ADMINS)


async def get_account_by_id(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    """The caller's own alone: an operator makes other accounts and provides for them, and does not look into them."""
    (account_id,) = call.ids
    if account_id != call.caller.account_id:
        return _nowhere(account_id)
    return await get_account(api, call)


async def put_account(api: Api, call: Call[NoQuery, AllowanceChange]) -> Answer | Refused:
    return await _set_terms(api, call, call.caller.account_id)


async def put_account_by_id(api: Api, call: Call[NoQuery, AllowanceChange]) -> Answer | Refused:
    (account_id,) = call.ids
    return await _set_terms(api, call, account_id)


async def _set_terms(api: Api, call: Call[NoQuery, AllowanceChange], account_id: int) -> Answer | Refused:
    if not await read.is_there(api, account_id):
        return _nowhere(account_id)
    wish = {name: getattr(call.content, name) for name in call.content.model_fields_set}
    async with api.database.transaction() as connection:
        ledger = await set_terms_in(connection, account_id, wish, api.now(), call.caller.user_id)
    return await _answer(api, account_id, trusted=account_id == call.caller.account_id, ledger=ledger)


async def _answer(api: Api, account_id: int, *, trusted: bool, ledger: Ledger | None = None) -> Answer | Refused:
    found = await read.read_account(api, account_id, trusted=trusted, ledger=ledger)
    return Answer(found) if found else _nowhere(account_id)


def _nowhere(account_id: int) -> Refused:
    return Refused.not_found(f"there is no account {account_id}")


async def post_account(api: Api, call: Call[NoQuery, NewAccount]) -> Answer | Refused:
    wish, now = call.content, api.now()
    opening = Opening(
        terms=Terms(wish.credit, wish.quota, wish.overage),
        by=call.caller.user_id,
        now=now,
        # What is kept for a repeat is kept for good, and a key is kept nowhere.
        also=lambda made: call.remember(_created(made, wish, now, told=False)),
    )
    async with api.in_turn.turn(("account name", wish.name)):
        made = await create_key(api.database, api.store, api.secret, wish.name, wish.user, "admin", KEY_NAME, opening)
    return made if isinstance(made, Refused) else _created(made, wish, now, told=True)


def _created(made: CreatedKey, wish: NewAccount, now: Instant, *, told: bool) -> Answer:
    """``told``: with what is told once."""
    terms = Terms(wish.credit, wish.quota, wish.overage)
    body = MadeAccountAnswer(
        id=made["account_id"],
        name=wish.name,
        credit=terms.credit,
        quota=terms.quota,
        overage=terms.overage,
        charged=0,
        left=read.left_of(terms),
        cdate=moment(now),
        account_id=made["account_id"],
        user_id=made["user_id"],
        key=made["key"] if told else None,
        sailthru_secret=made["sailthru_secret"] if told else None,
        signupto=made["signupto"] if told else None,
        webhook_secret=made["webhook_secret"] if told else None,
    )
    return Answer(body, 201, {"Location": f"/account/{made['account_id']}"})


OPERATIONS = (
    Operation(
        "GET",
        "/account",
        "The account; its secrets are for admins",
        get_account,
        AccountAnswer,
        refusals=(404,),
    ),
    Operation(
        "PUT",
        "/account",
        "What the account may send",
        put_account,
        AccountAnswer,
        body=object_body(AllowanceChange),
        refusals=(404, 413, 415),
        roles=OPERATORS,
    ),
    Operation(
        "POST",
        "/account",
        "Make an account, with its first user and his key",
        post_account,
        MadeAccountAnswer,
        body=object_body(NewAccount),
        status=201,
        refusals=(409, 413, 415),
        roles=OPERATORS,
    ),
    Operation(
        "GET", "/account/{account_id}", "The account, by its id", get_account_by_id, AccountAnswer, refusals=(404,)
    ),
    Operation(
        "PUT",
        "/account/{account_id}",
        "What an account may send, also another one",
        put_account_by_id,
        AccountAnswer,
        body=object_body(AllowanceChange),
        refusals=(404, 413, 415),
        roles=OPERATORS,
    ),
)
