"""What a connection is when it is first used: its settings, how it reads JSON, and that it tells us the time."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import orjson

from shared.runtime import clock

_ITS_TIME: Final = "SELECT extract(epoch FROM clock_timestamp())::float8"

#: For a driver whose statements find another session each time.
IN_NO_SESSION: Final[dict[str, Any]] = {"statement_cache_size": 0}


def settings_of(role: str | None, statement_seconds: float) -> dict[str, str]:
    # A client that froze inside a transaction would hold back every tail of the cluster: the server ends it.
    idle = {"idle_in_transaction_session_timeout": str(int(statement_seconds * 1000))}
    # Our statements are short: compiling one takes longer than running it.
    return {"timezone": "UTC", "jit": "off", **idle, **({"role": role} if role else {})}


async def prepare(driver: Any) -> None:
    await driver.set_type_codec("jsonb", schema="pg_catalog", format="binary", encoder=_to_jsonb, decoder=_from_jsonb)
    clock.ask_again()


async def leave_as_it_is(driver: Any) -> None:
    """Nobody changes a session, only transactions: clearing it after every use would cost a round trip for nothing."""


async def follow_its_clock(ask: Callable[[str], Awaitable[Any]]) -> None:
    """Before a connection is used, once in a few seconds: all that is decided with what it brings is by its time.
    Where no answer comes, the next one asks.
    """
    if clock.should_ask():
        asked = clock.monotonic()
        try:
            clock.follow(asked, await ask(_ITS_TIME))
        except BaseException:
            clock.ask_again()
            raise


def _to_jsonb(value: object) -> bytes:
    return b"\x01" + orjson.dumps(value)


def _from_jsonb(data: bytes) -> Any:
    return orjson.loads(data[1:])
