"""Users, as requests and answers spell them."""

from typing_extensions import TypedDict

from services.api.fields import Name, RequestModel
from shared.domain.account import Role


class NewUser(RequestModel):
    name: Name
    role: Role


class UserAnswer(TypedDict):
    id: int
    name: str
    role: Role
    cdate: float
