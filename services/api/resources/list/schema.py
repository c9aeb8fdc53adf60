"""Lists, as requests and answers spell them."""

from typing_extensions import TypedDict

from services.api.fields import Name, RequestModel


class NewList(RequestModel):
    name: Name


class ListChange(RequestModel):
    name: Name


class ListAnswer(TypedDict):
    id: int
    name: str
    subscription_count: int  #: subscriptions that have not ended, confirmed or not
    cdate: float
