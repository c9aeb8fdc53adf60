"""``/account``: parse, handle, answer."""

from services.api.body import object_body
from services.api.fields import NoQuery
from services.api.keys import CreatedKey, NewAccountOnly, create_key
from services.api.moments import moment
from services.api.operation import ADMINS, OPERATORS, Answer, Api, Call, Operation
from services.api.resources.account import read
from services.api.resources.account.schema import AccountAnswer, AllowanceChange, MadeAccountAnswer, NewAccount
from shared.domain.ledger import Ledger, Terms
from shared.domain.refusal import Refused
from shared.ledger.balances import set_terms_in

KEY_NAME = "the first key"


async def get_account(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    return await _answer(api, call.caller.account_id, trusted=call.caller.role in ADMINS)


async def get_account_by_id(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    """His own alone: what an operator may do beyond it is to make and to provide for accounts, not to look into them."""
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
    wish = call.content
    terms = Terms(wish.credit, wish.quota, wish.overage)

    def created(made: CreatedKey, cdate: float, *, told: bool) -> Answer:
        return Answer(_made(made, wish.name, terms, cdate, told=told), 201, {"Location": f"/account/{made['account_id']}"})

    only = NewAccountOnly(
        terms=terms,
        by_user=call.caller.user_id,
        # What is kept for a repeat is kept for good, and a key is kept nowhere.
        also=lambda made, cdate: call.remember(created(made, cdate, told=False)),
    )
    async with api.in_turn.turn(("account name", wish.name)):
        made = await create_key(
            api.database, api.store, api.secret, wish.name, wish.user, "admin", KEY_NAME, only
        )
    return made if isinstance(made, Refused) else created(made, only.cdate, told=True)
