"""What `postroom api`, `dispatcher`, `tracker`, `migrate`, `rebuild`, `audit` and `key create` do: each from its
settings.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

import orjson
import structlog

from services.standalone.foundation import Foundation, lay_foundation, open_database
from services.standalone.say import say
from shared.domain.account import Role
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.store_standing import confirm_store, look_at_store
from shared.runtime import crash_points
from shared.runtime.clock import random_id
from shared.runtime.lifecycle import keep_what_is_loaded, stop_on_signals
from shared.runtime.log_setup import configure_logging
from shared.runtime.open_telemetry import start_export
from shared.runtime.settings import BadSettings, Settings, environment, read_settings

log = structlog.get_logger(__name__)

_DATABASE = frozenset({"DATABASE_URL"})


class Running(Protocol):
    """A started service."""

    async def stop(self) -> None: ...


async def run_api() -> None:
    from services.api.app import NEEDED, start_api

    async def start(f: Foundation) -> Running:
        await look_at_store(f.database)  # before anything is appended to a database that was restored
        return await start_api(f.settings, f.database, f.store, f.bus)

    await _run("api", NEEDED, start)


async def run_dispatcher() -> None:
    from services.dispatcher.app import NEEDED, ONE_OF, start_dispatcher

    await _run(
        "dispatcher", NEEDED, lambda f: start_dispatcher(f.settings, f.database, f.store, f.delivery_log, f.bus), ONE_OF
    )


async def run_tracker() -> None:
    from services.tracker.app import NEEDED, start_tracker

    await _run(
        "tracker",
        NEEDED,
        lambda f: start_tracker(f.settings, f.database, f.store, f.delivery_log, f.bus),
        at_once=False,  # links lead on, also from a tracker that is started while Postgres is away
    )


async def migrate_database() -> None:
    """Past a pooler, where there is one: a migration takes locks that belong to its connection. First of all that
    touches a restored database, so it is noticed here that it is one.
    """
    from shared.postgres.migrate import migrate

    settings = _read(_DATABASE)
    for name in await migrate(settings.database_direct_url or settings.database_url):
        log.info("migrated", action="migrated", migration=name)
    async with open_database(settings) as database:
        if held := (await look_at_store(database)).held_why:
            log.warning("nothing is sent before `postroom confirm-restore`", action="store_held", reason=held)


async def confirm_restore() -> int:
    """0: it goes on; 1: the store was not held."""
    async with open_database(_read(_DATABASE)) as database:
        held = (await look_at_store(database)).held_why
        await confirm_store(database)
    log.info("confirmed" if held else "not held", action="restore_confirmed", held=held)
    return 0 if held else 1


async def rebuild_counts(rules: int | None) -> None:
    from services.tracker.projector.rebuild import rebuild
    from services.tracker.projector.rebuild_engagement import rebuild_engagement

    async with open_database(_read(_DATABASE)) as database:
        await rebuild(database, random_id(), rules=rules)
        await rebuild_engagement(database)


async def audit_database(*, as_json: bool) -> int:
    """The exit code: 1 where something was found."""
    from rich.console import Console

    from services.standalone.audit.run import run_audit
    from services.standalone.audit.show import print_json, print_table
    from services.standalone.client.show import bar

    async with open_database(_read(_DATABASE)) as database:
        with bar("tasks") as shown:
            audited = await run_audit(database, progress=lambda done: shown.show(done, None))
    if as_json:
        print_json(audited)
    else:
        print_table(audited, Console(highlight=False))
    return 1 if audited.findings else 0


async def print_new_key(account: str, user: str, role: Role) -> None:
    from services.standalone.new_key import new_key

    settings = _read(_DATABASE | {"SECRET"})
    async with open_database(settings) as database:
        made = await new_key(database, PostgresEventStore(database), settings.secret, account, user, role)
    say(orjson.dumps(made).decode() + "\n")


async def _run(
    service: str,
    needed: frozenset[str],
    start: Callable[[Foundation], Awaitable[Running]],
    one_of: tuple[str, ...] = (),
    *,
    at_once: bool = True,
) -> None:
    """Until SIGTERM or SIGINT; then what is under way is finished."""
    settings = _read(needed, one_of)
    end_export = start_export(settings.otlp_url, f"postroom-{service}")
    try:
        await _serve(settings, start, at_once=at_once)
    finally:
        end_export()


async def _serve(settings: Settings, start: Callable[[Foundation], Awaitable[Running]], *, at_once: bool) -> None:
    stop = stop_on_signals()
    async with lay_foundation(settings, at_once=at_once) as foundation:
        running = await start(foundation)
        keep_what_is_loaded()
        log.info("ready", action="ready")
        await stop.wait()
        log.info("stopping", action="stopping")
        await running.stop()


def _read(needed: frozenset[str], one_of: tuple[str, ...] = ()) -> Settings:
    settings = read_settings(environment(), needed, one_of)
    configure_logging(settings.log_level)
    try:
        crash_points.arm(environment())
    except ValueError as fault:
        raise BadSettings([str(fault)]) from fault
    return settings
