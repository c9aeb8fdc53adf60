"""``/account``: parse, handle, answer."""

from pathlib import Path

from services.api import credentials
from services.api.fields import NoQuery
from services.api.moments import moment
from services.api.operation import ADMINS, Answer, Api, Call, Operation
from services.api.resources.account.schema import AccountAnswer
from shared.domain.refusal import Refused
from shared.domain.tokens import TokenKind
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


async def get_account(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    caller = call.caller
    row = await api.database.fetch_row(QUERIES["read_account"], caller.account_id)
    if row is None:
        return Refused.not_found("there is no such account")
    trusted = caller.role in ADMINS
    body = AccountAnswer(
        id=row["id"],
        name=row["name"],
        credit=None,
        quota=None,
        overage=None,
        webhook_secret=await _webhook_secret(api, caller.account_id) if trusted else None,
        inbound_sms_url=_inbound_sms_url(api, caller.account_id) if trusted else None,
        cdate=moment(row["cdate"]),
    )
    return Answer(body)


async def _webhook_secret(api: Api, account_id: int) -> str | None:
    sealed = await api.database.fetch_row(QUERIES["account_secrets"], account_id)
    return credentials.open_account(api.secret, sealed)["webhook_secret"] if sealed else None


def _inbound_sms_url(api: Api, account_id: int) -> str:
    return f"{api.tracker_url}/s/{api.tokens.web(account_id, 0, TokenKind.INBOUND)}"


OPERATIONS = (
    Operation(
        "GET",
        "/account",
        "The account; its secrets are for admins",
        get_account,
        AccountAnswer,
        refusals=(404,),
    ),
)
