"""``/v1/token``: a token for a name and a password, to sign in with instead of a signature."""

from typing_extensions import TypedDict

from services.api.dialects.signupto.bodies import loose_body
from services.api.dialects.signupto.envelope import one
from services.api.dialects.signupto.native import operation
from services.api.dialects.signupto.sign_in import issue_token
from services.api.fields import Line, NoQuery, RequestModel
from services.api.operation import Answer, Api, Call
from shared.domain.refusal import Fault, Refused


class Credentials(RequestModel):
    username: Line
    password: Line


class TokenAnswer(TypedDict):
    """``expiry``: decimal unix seconds."""

    token: str
    expiry: float


async def post_token(api: Api, call: Call[NoQuery, Credentials]) -> Answer | Refused:
    issued = await issue_token(api.database, api.secret, call.content.username, call.content.password)
    if issued is None:
        fault = Fault("", "Bad signature: there is no user of this name with this password")
        return Refused("unauthenticated", (fault,))
    token, expiry = issued
    return one(TokenAnswer(token=token, expiry=int(expiry)), 202)


OPERATIONS = (
    operation(
        "POST",
        "/token",
        "A token for a user's name and password",
        post_token,
        TokenAnswer,
        body=loose_body(Credentials),
        status=202,
        refusals=(413, 415),
        public=True,
        security=(),
        limit=16_384,
    ),
)
