"""Who asks: by a signature over the request (SuTHash), by a token got for a password (SuTToken), or by a key."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

from services.api.authenticate import Authenticator, Caller, key_in
from services.api.credentials import open_user
from services.api.dialects.signupto.envelope import refusal
from services.api.dialects.signupto.signature import TOKEN, Signed, read_signed
from services.api.operation import Answer
from services.api.problem import Problem
from shared.postgres.database import Database
from shared.postgres.named_queries import load_queries
from shared.runtime import clock

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))

SKEW_SECONDS: Final = 900.0  #: how far the Date of a signed request may be off, before and after
TOKEN_SECONDS: Final = 86_400.0
TOKEN_BYTES: Final = 72  #: 96 characters
FORGOTTEN_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class SignUpTo:
    """The dialect of Sign-Up.to's clients, below ``/v1``. ``secret``: what the users' own are sealed under."""

    database: Database
    secret: tuple[bytes, ...]
    authenticator: Authenticator

    def normal_path(self, path: str) -> str:
        """One slash at the end changes nothing: a client takes a redirect for an error."""
        return path.removesuffix("/")

    def spell(self, told: Problem) -> Answer:
        return refusal(told)

    async def find_caller(self, request: web.BaseRequest, path: str) -> Caller | Problem:
        authorization = request.headers.get("Authorization", "")
        if token := TOKEN.fullmatch(authorization):
            return await find_holder(self.database, token[1]) or _refused("the token is unknown or has expired")
        if key_in(authorization) is not None:
            return await self.authenticator.find_caller(authorization) or _refused("the key is unknown")
        signed = read_signed(request.headers)
        if isinstance(signed, str):
            return _refused(signed)
        return await self._find_signer(signed, request.method, path)

    async def _find_signer(self, signed: Signed, method: str, path: str) -> Caller | Problem:
        row = await self.database.fetch_row(QUERIES["find_signer"], signed.account_id, signed.user_id)
        own = open_user(self.secret, {"id": row["id"], "signupto_key": row["signupto_key"]}) if row else {}
        # Whoever is unknown costs the same comparison and gets the same answer.
        proved = signed.is_by(own.get("signupto_key", ""), method, path)
        if row is None or not proved:
            return _refused("it is not the signature of this request by this user")
        use = await self.database.fetch_row(QUERIES["use_nonce"], signed.user_id, signed.nonce, signed.at, SKEW_SECONDS)
        if use is None or not use["near"]:
            return _refused(f"Date is more than {SKEW_SECONDS / 60:.0f} minutes off")
        if not use["fresh"]:
            return _refused("X-SuT-Nonce was used before")
        return Caller(signed.account_id, signed.user_id, row["role"], paced_by=_of_user(signed.user_id))


def _of_user(user_id: int) -> str:
    """What signs or has a token is his, however many of them he has."""
    return f"user {user_id}"


def _refused(why: str) -> Problem:
    return Problem(401, f"Bad signature: {why}")


async def find_holder(database: Database, token: str) -> Caller | None:
    # Found by the hash of 500 random bits: how long the look-up takes tells nothing about the token.
    row = await database.fetch_row(QUERIES["find_token"], _hash(token))
    return Caller(row["account_id"], row["id"], row["role"], paced_by=_of_user(row["id"])) if row else None


async def issue_token(
    database: Database, secret: tuple[bytes, ...], username: str, password: str
) -> tuple[str, float] | None:
    """A new token and when it expires (unix seconds); None: there is no such user, or it is not his password.

    ``username``: the names of account and user with a slash between them; either may hold slashes itself.
    """
    cuts = [place for place, sign in enumerate(username) if sign == "/"]
    names = [username[:cut] for cut in cuts], [username[cut + 1 :] for cut in cuts]
    given, proved = password.encode("utf-8", "surrogatepass"), None
    for row in await database.fetch(QUERIES["users_named"], *names):
        own = open_user(secret, {"id": row["id"], "signupto_password": row["signupto_password"]})
        if hmac.compare_digest(own["signupto_password"].encode(), given):
            proved = row["id"]
    if proved is None:
        return None
    token = base64.b64encode(clock.random_bytes(TOKEN_BYTES)).decode().lower()
    return token, await database.fetch_value(QUERIES["keep_token"], _hash(token), proved, TOKEN_SECONDS)


async def forget_expired(database: Database) -> bool:
    """Whether there may be more. Raises DatabaseError."""
    counts = [await database.execute(QUERIES[name], FORGOTTEN_AT_ONCE) for name in ("forget_nonces", "forget_tokens")]
    return FORGOTTEN_AT_ONCE in counts


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
