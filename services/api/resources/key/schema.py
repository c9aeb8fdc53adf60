"""Keys, as requests and answers spell them."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from services.api.fields import Id, Name, RequestModel


class NewKey(RequestModel):
    user_id: Id
    name: Name


class KeyAnswer(TypedDict):
    """``prefix``: the part between the underscores, by which a key found somewhere is recognised."""

    id: int
    user_id: int
    name: str
    prefix: str
    cdate: float
    revoked: bool


class MadeKeyAnswer(KeyAnswer):
    key: Annotated[str | None, Field(description="told in the first answer alone; null when the request is repeated")]
