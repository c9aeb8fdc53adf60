"""`postroom up`: all of Postroom in one process, on a Postgres of its own, a bus in memory and an inbox to send to.

    Postgres -> schema -> inbox -> tracker -> api -> dispatcher -> the line of readiness; at the end all of it backwards

The services are the same code that runs one by one in production; only the urls differ.
"""

import asyncio
import fcntl
import os
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import structlog

from services.api.app import start_api
from services.dispatcher.app import start_dispatcher
from services.standalone.embedded_postgres import EmbeddedPostgres, default_folders
from services.standalone.foundation import lay_foundation
from services.standalone.inbox.mail_store import MailStore
from services.standalone.inbox.sms_gateway import PATH as SMS_PATH
from services.standalone.inbox.sms_gateway import SmsGateway
from services.standalone.inbox.smtp_server import AcceptEverything, port_of, serve_smtp
from services.standalone.inbox.web import serve_inbox
from services.standalone.kept_secrets import operator_key, signing_secret
from services.standalone.new_key import new_key
from services.standalone.reading_leases import end_reading_leases
from services.standalone.say import say
from services.tracker.app import start_tracker
from shared.postgres.migrate import migrate
from shared.runtime import clock
from shared.runtime.lifecycle import keep_what_is_loaded, stop_on_signals
from shared.runtime.log_setup import configure_logging
from shared.runtime.open_telemetry import start_export
from shared.runtime.settings import Settings, environment, read_settings

log = structlog.get_logger(__name__)

ACCOUNT, USER = "postroom", "operator"

#: For the replies to final dots. The inbox gives them at once; a relay that takes longer leaves its messages in doubt.
STOP_SECONDS = 5.0

#: Other than those of a service alone: three of them share the connections, nobody asks for the port of metrics, nobody
#: has published anything for a try on one machine, and callbacks come to this machine.
DEFAULTS = {
    "POSTROOM_DATABASE_CONNECTIONS": "24",
    "POSTROOM_METRICS_PORT": "0",
    "POSTROOM_DNS_CHECK": "off",
    "POSTROOM_OBJECT_STORE_URL": "",
    "POSTROOM_EGRESS_ALLOW": "127.0.0.0/8,::1/128",
}


@dataclass(frozen=True, slots=True)
class Options:
    data_dir: Path | None  #: None: a temporary one
    ports: Mapping[str, int]  #: of api, tracker, smtp, bounce and inbox; 0: any free one
    smtp_url: str | None  #: None: the inbox
    sms_url: str | None  #: None: the inbox
    egress_allow: str | None = None  #: networks as in POSTROOM_EGRESS_ALLOW; None: what that says, else loopback


class FolderInUse(Exception):
    """Another Postroom runs on this data folder."""

    def __init__(self, data: Path) -> None:
        super().__init__(f"{data} is in use by another postroom up")


async def run_up(options: Options) -> int:
    """Until SIGTERM or SIGINT (exit code 0), or until its Postgres cannot be kept alive (1). Raises BadSettings."""
    settings = settings_of(options, environment())
    configure_logging(settings.log_level)
    stop = stop_on_signals()
    async with AsyncExitStack() as stack:
        data = _data_folder(options, stack)
        if known := data.is_dir():
            _hold(data, stack)
        postgres = EmbeddedPostgres(data, default_folders(environment(), root=os.geteuid() == 0).cache)
        stack.callback(postgres.stop)
        postgres.start()
        if not known:
            _hold(data, stack)
        await migrate(postgres.url)
        urls = {**await _open_inbox(data, options, stack), "database": postgres.url}
        ready = await _start_services(_decided(settings, data, options, urls), data, stack)
        say(orjson.dumps({"ready": True, **urls, **ready}).decode() + "\n")
        return await _watch(postgres, stop)


def settings_of(options: Options, environment: Mapping[str, str]) -> Settings:
    """An option is before the environment, and that before what this mode assumes. Raises BadSettings."""
    given = {} if options.egress_allow is None else {"POSTROOM_EGRESS_ALLOW": options.egress_allow}
    return read_settings({**DEFAULTS, **environment, **given}, needed=frozenset())


def _data_folder(options: Options, stack: AsyncExitStack) -> Path:
    if options.data_dir is not None:
        return options.data_dir
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="postroom-")))


def _hold(data: Path, stack: AsyncExitStack) -> None:
    """Keeps others out by a lock that the kernel takes back when we die. Raises FolderInUse."""
    folder = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
    stack.callback(os.close, folder)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise FolderInUse(data) from error


async def _open_inbox(data: Path, options: Options, stack: AsyncExitStack) -> dict[str, str]:
    """The urls of what takes mail and SMS and shows them."""
    store = MailStore(data / "inbox.sqlite")
    stack.callback(store.close)
    smtp = await serve_smtp(AcceptEverything(store, clock.now), options.ports["smtp"])
    stack.callback(smtp.close)
    gateway = SmsGateway(store, clock.now)
    gateway.start()
    stack.push_async_callback(gateway.stop)
    web = await serve_inbox(store, options.ports["inbox"], gateway.routes())
    stack.push_async_callback(web.cleanup)
    return {
        "inbox": f"http://127.0.0.1:{web.addresses[0][1]}",
        "smtp": f"smtp://127.0.0.1:{port_of(smtp)}",
    }


def _decided(settings: Settings, data: Path, options: Options, urls: Mapping[str, str]) -> Settings:
    """What the environment says, except for what this mode decides."""
    return replace(
        settings,
        database_url=urls["database"],
        bus_url="inprocess:",
        smtp_url=options.smtp_url or urls["smtp"],
        sms_url=options.sms_url or urls["inbox"] + SMS_PATH,
        secret=settings.secret or (signing_secret(data),),
        api_port=options.ports["api"],
        tracker_port=options.ports["tracker"],
        bounce_port=options.ports["bounce"],
        journal_dir=data / "journal",
        object_store_url=settings.object_store_url or f"file://{quote(str(data.resolve() / 'objects'))}",
    )


async def _start_services(settings: Settings, data: Path, stack: AsyncExitStack) -> dict[str, Any]:
    """In the order in which they must know of each other: where links lead, and from where files are fetched.

    The urls and keys of the line of readiness.
    """
    stack.callback(start_export(settings.otlp_url, "postroom"))
    f = await stack.enter_async_context(lay_foundation(settings))
    await end_reading_leases(f.database)  # the folder is ours alone: whoever had them is dead
    tracker = await start_tracker(f.settings, f.database, f.store, f.delivery_log, f.bus)
    stack.push_async_callback(tracker.stop)
    settings = replace(settings, tracker_url=settings.tracker_url or tracker.url)
    beside = [tracker.metrics.registry]
    api = await start_api(settings, f.database, f.store, f.bus, beside)
    stack.push_async_callback(api.stop)
    settings = replace(settings, api_url=settings.api_url or api.url)
    dispatcher = await start_dispatcher(settings, f.database, f.store, f.delivery_log, f.bus)
    stack.push_async_callback(dispatcher.stop, STOP_SECONDS)
    beside.append(dispatcher.figures.registry)
    keep_what_is_loaded()
    key = await operator_key(data, lambda: new_key(f.database, f.store, settings.secret, ACCOUNT, USER, "operator"))
    return {
        "api": api.url,
        "tracker": tracker.url,
        "bounce": tracker.bounces.url,
        "api_key": key["key"],
        **{name: key[name] for name in ("sailthru_secret", "webhook_secret", "signupto")},
    }


async def _watch(postgres: EmbeddedPostgres, stop: asyncio.Event) -> int:
    """Keeps Postgres alive until told to stop."""
    watching = asyncio.create_task(postgres.watch(_note_restart))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({watching, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    watching.cancel()
    ended = await asyncio.gather(watching, stopping, return_exceptions=True)
    if stop.is_set():
        log.info("stopping", action="stopping")
        return 0
    log.error("postgres cannot be started again", action="postgres_lost", reason=str(ended[0])[:2000])
    return 1


def _note_restart() -> None:
    log.warning("postgres had died and runs again", action="postgres_restarted")
