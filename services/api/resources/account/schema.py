"""An account, as its own users see it, and as an operator makes one."""

from typing import Annotated

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from services.api.fields import Allowance, Name, RequestModel, fault
from services.api.keys import SignuptoCredentials


def _check_visible(name: str) -> str:
    if not name.isprintable() or not name.strip():
        raise fault("must be visible characters")
    return name


VisibleName = Annotated[Name, AfterValidator(_check_visible)]


class AllowanceChange(RequestModel):
    """What the account may use in all, since it exists; a field that is not given stays as it is."""

    credit: Allowance = None
    quota: Allowance = Field(default=None, description="used after credit")
    overage: Allowance = Field(default=None, description="used after both: how far the account may go beyond them")


class NewAccount(AllowanceChange):
    """``user``: the first one, an admin."""

    name: VisibleName
    user: VisibleName = "admin"


class Left(TypedDict):
    """What is left of each allowance; null where it is not given."""

    credit: int | None
    quota: int | None
    overage: int | None


class AccountAnswer(TypedDict):
    """``credit``, ``quota``, ``overage``: what may be used in all; all three null: the account is not metered.
    ``charged``: what was used of them, ``left``: what was not. The two secrets are told to admins and operators of the
    account; whoever knows ``inbound_sms_url`` can speak for every subscriber's telephone.
    """

    id: int
    name: str
    credit: int | None
    quota: int | None
    overage: int | None
    charged: int
    left: Left
    webhook_secret: str | None
    inbound_sms_url: str | None
    cdate: float


class MadeAccountAnswer(TypedDict):
    """The account and the key of its first user; ``key`` and what is secret beside it are told this once: a repeat of
    the request has null there.
    """

    id: int
    name: str
    credit: int | None
    quota: int | None
    overage: int | None
    charged: int
    left: Left
    cdate: float
    account_id: int
    user_id: int
    key: str | None
    sailthru_secret: str | None
    signupto: SignuptoCredentials | None
    webhook_secret: str | None
