"""Reads an account with its ledger."""

from pathlib import Path

from services.api import credentials
from services.api.moments import moment
from services.api.operation import Api
from services.api.resources.account.schema import AccountAnswer, Left
from shared.domain.ledger import Ledger, Terms
from shared.domain.tokens import TokenKind
from shared.ledger.balances import read_ledger
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


async def is_there(api: Api, account_id: int) -> bool:
    return await api.database.fetch_row(QUERIES["read_account"], account_id) is not None


async def read_account(
    api: Api, account_id: int, *, trusted: bool, ledger: Ledger | None = None
) -> AccountAnswer | None:
    """``trusted``: with its secrets. ``ledger``: where that is known already. None: there is no such account."""
    row = await api.database.fetch_row(QUERIES["read_account"], account_id)
    if row is None:
        return None
    ledger = ledger or await read_ledger(api.database, account_id)
    return AccountAnswer(
        id=row["id"],
        name=row["name"],
        credit=ledger.terms.credit,
        quota=ledger.terms.quota,
        overage=ledger.terms.overage,
        charged=ledger.charged,
        left=left_of(ledger.left),
        webhook_secret=await _webhook_secret(api, account_id) if trusted else None,
        inbound_sms_url=_inbound_sms_url(api, account_id) if trusted else None,
        cdate=moment(row["cdate"]),
    )


def left_of(left: Terms) -> Left:
    return Left(credit=left.credit, quota=left.quota, overage=left.overage)


async def _webhook_secret(api: Api, account_id: int) -> str | None:
    sealed = await api.database.fetch_row(QUERIES["account_secrets"], account_id)
    return credentials.open_account(api.secret, sealed)["webhook_secret"] if sealed else None


def _inbound_sms_url(api: Api, account_id: int) -> str:
    return f"{api.tracker_url}/s/{api.tokens.web(account_id, 0, TokenKind.INBOUND)}"
