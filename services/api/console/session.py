"""Who is signed in: a sealed cookie that no script reads and that holds no key. Pure.

It names the key by its public prefix and its hash, so each request finds out anew whether the key is still taken; a
revoked one ends all its sessions, on every replica. Sealed under POSTROOM_SECRET (``shared.sealing``). Which of them
were signed out of says ``ended_sessions``.
"""

import binascii
import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from http.cookies import CookieError, SimpleCookie
from typing import Final

import orjson

from shared.domain.identifiers import Instant
from shared.sealing import CannotOpen, open_sealed, seal

LONGEST: Final = 8 * 3600.0  #: seconds from signing in to signing in again: a shift
IDLE: Final = 3600.0  #: seconds without a request
RENEWED_AFTER: Final = 300.0  #: seconds of age from which the next answer brings a newer cookie

SECURE_NAME: Final = "__Host-postroom"  #: browsers take it over https alone, and from this very host
PLAIN_NAME: Final = "postroom-console"

_CONTEXT: Final = "console session"


@dataclass(frozen=True, slots=True)
class Session:
    """``hash``: of the key, hexadecimal. ``token``: what its forms must bring. ``secure``: it began over https."""

    prefix: str
    hash: str
    token: str
    began: Instant
    seen: Instant
    secure: bool

    @property
    def cookie_name(self) -> str:
        return SECURE_NAME if self.secure else PLAIN_NAME

    @property
    def name(self) -> bytes:
        """What it is known by where its token is not to be known: the same at each renewal."""
        return hashlib.sha256(self.token.encode()).digest()

    def is_over(self, now: Instant) -> bool:
        return now >= self.began + LONGEST or now >= self.seen + IDLE

    def sent(self, token: str) -> bool:
        """Whether this is what its forms bring."""
        return hmac.compare_digest(token.encode("utf-8", "surrogatepass"), self.token.encode())

    def renewed(self, now: Instant) -> "Session | None":
        """The one to go on with, where it is time for it."""
        return replace(self, seen=now) if now >= self.seen + RENEWED_AFTER else None


def read_session(secrets: Sequence[bytes], cookies: str, now: Instant) -> Session | None:
    """``cookies``: the header. None: nobody is signed in, or not any more."""
    given = _cookies(cookies)
    for name in (SECURE_NAME, PLAIN_NAME):
        session = _open(secrets, given.get(name, ""))
        # One that began over https is taken from the cookie that only https can set.
        if session and session.cookie_name == name and not session.is_over(now):
            return session
    return None


def set_cookie(secrets: Sequence[bytes], session: Session, nonce: bytes) -> str:
    """The header. ``nonce``: 12 bytes nobody used before."""
    sealed = urlsafe_b64encode(seal(secrets, _CONTEXT, orjson.dumps(asdict(session)), nonce)).decode()
    return f"{session.cookie_name}={sealed}; {_attributes(secure=session.secure, seconds=int(IDLE))}"


def clear_cookies() -> list[str]:
    """The headers that forget whoever was signed in, however he was."""
    return [
        f"{SECURE_NAME}=; {_attributes(secure=True, seconds=0)}",
        f"{PLAIN_NAME}=; {_attributes(secure=False, seconds=0)}",
    ]


def _attributes(*, secure: bool, seconds: int) -> str:
    place = "Path=/; Secure" if secure else "Path=/console"
    return f"{place}; HttpOnly; SameSite=Strict; Max-Age={seconds}"


def _open(secrets: Sequence[bytes], text: str) -> Session | None:
    if not text:
        return None
    try:
        plain = open_sealed(secrets, _CONTEXT, urlsafe_b64decode(text.encode("ascii")))
    except (CannotOpen, binascii.Error, ValueError):
        return None
    return Session(**orjson.loads(plain))


def _cookies(header: str) -> Mapping[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header).items()}
    except CookieError:
        return {}
