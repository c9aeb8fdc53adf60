"""An account, as its own users see it."""

from typing_extensions import TypedDict


class AccountAnswer(TypedDict):
    """``credit``, ``quota``, ``overage``: null, the account is not metered. The two secrets are told to admins and
    operators; whoever knows ``inbound_sms_url`` can speak for every subscriber's telephone.
    """

    id: int
    name: str
    credit: int | None
    quota: int | None
    overage: int | None
    webhook_secret: str | None
    inbound_sms_url: str | None
    cdate: float
