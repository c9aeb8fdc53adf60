"""Signing out of the console ends the session, and not only in the browser that did it."""

import asyncio

from services.api.console.ended_sessions import BELIEVED_SECONDS, EndedSessions, forget_over
from services.api.console.session import Session, read_session, set_cookie
from shared.domain.identifiers import Instant
from shared.postgres.database import Database
from shared.runtime import clock
from shared.runtime.settings import Settings
from tests.integration.api.conftest import Client
from tests.integration.api.visiting import OURS, Visitor, visit


async def test_streams_do_not_ask_with_every_figure_whether_their_session_goes_on(
    database: Database, settings: Settings
) -> None:
    """A look is believed for some seconds, but not of a session that this process has ended; of another process it is
    known after them.
    """
    now = [100.0]
    here, elsewhere = (EndedSessions(database, lambda: now[0]) for _ in range(2))
    began = Instant(clock.now())
    one, two = (Session("p", "h", token, began, began, secure=False) for token in ("one", "two"))
    assert [await here.held_lately(each) for each in (one, two)] == [False, False]

    await here.end(one)
    await elsewhere.end(two)

    assert [await here.held_lately(each) for each in (one, two)] == [True, False]
    now[0] += BELIEVED_SECONDS
    assert await here.held_lately(two)


async def test_signing_out_ends_the_session_for_whoever_copied_its_cookie(
    client: Client, database: Database, settings: Settings, ready_task: int
) -> None:
    """Also one that was renewed, on any replica, and a stream that is open; another session of the same key goes on.
    What is kept of it goes when the cookie would be too old anyway.
    """
    visitor, other = await visit(client), await visit(client)
    stolen = visitor.cookie
    session = read_session(settings.secret, stolen, Instant(clock.now()))
    assert session is not None
    later = session.renewed(Instant(session.seen + 301))
    assert later is not None
    renewed = set_cookie(settings.secret, later, clock.random_bytes(12)).partition(";")[0]
    token = (await visitor.get()).token
    async with client.session.get(f"{client.url}/console/live", headers={"Cookie": stolen}) as stream:
        assert (await stream.content.readuntil(b"\n\n")).startswith(b"retry")
        await visitor.press("/console/logout")
        async with asyncio.timeout(30):
            assert b"event: over" in await stream.content.read()

    thief = Visitor(client.url, client.session)
    for cookie in (stolen, renewed):
        assert (await thief.get("/console", Cookie=cookie)).actions == ["/console/login"]
        pressed = await thief.send(
            "POST", f"/console/task/{ready_task}/cancel", data={"token": token}, Cookie=cookie, **OURS
        )
        assert "Sign in" in pressed.words
    assert not (await client.get(f"/task/{ready_task}")).json["cancelled"]
    assert (await other.get()).actions == []
    assert await database.fetch_value("SELECT count(*) FROM ended_session") == 1
    assert not await forget_over(database)
    assert await database.fetch_value("SELECT count(*) FROM ended_session") == 1
    await database.execute("UPDATE ended_session SET ends_at = now() - interval '61 minutes'")
    await forget_over(database)
    assert await database.fetch_value("SELECT count(*) FROM ended_session") == 0
