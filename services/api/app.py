"""The API put together: the table of operations, the listener, the relay and the probes."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any, Final

import orjson
from aiohttp import web
from prometheus_client import CollectorRegistry

from services.api import openapi
from services.api.authenticate import Authenticator
from services.api.connection import Listener
from services.api.console.ask import Asking
from services.api.console.console import Console
from services.api.console.ended_sessions import EndedSessions, forget_over
from services.api.console.live import Live
from services.api.dialect import Dialect
from services.api.dialects.sailthru.sign_in import Sailthru
from services.api.dialects.signupto.operations import OPERATIONS as SIGNUPTO_OPERATIONS
from services.api.dialects.signupto.sign_in import SignUpTo, forget_expired
from services.api.dns_lookup import DnsLookup
from services.api.docs_page import read_docs
from services.api.health import PROBE_SECONDS, Readiness
from services.api.in_turn import InTurn
from services.api.look_at_domains import SWEEP_SECONDS, DomainWatch
from services.api.look_together import LookTogether
from services.api.metrics import Metrics
from services.api.operation import Api, Operation
from services.api.problem import CONTENT_TYPE, unavailable
from services.api.published.asyncapi import describe_bus
from services.api.published.write_yaml import write_yaml
from services.api.relay import Relay
from services.api.relay_deliveries import DeliveryRelay
from services.api.resources.account import routes as account_routes
from services.api.resources.adplan import routes as adplan_routes
from services.api.resources.callback import routes as callback_routes
from services.api.resources.campaign import routes as campaign_routes
from services.api.resources.domain import routes as domain_routes
from services.api.resources.event import routes as event_routes
from services.api.resources.export import routes as export_routes
from services.api.resources.job import routes as job_routes
from services.api.resources.key import routes as key_routes
from services.api.resources.list import routes as list_routes
from services.api.resources.message import routes as message_routes
from services.api.resources.notice import routes as notice_routes
from services.api.resources.search import routes as search_routes
from services.api.resources.splittest import routes as splittest_routes
from services.api.resources.store import routes as store_routes
from services.api.resources.subscriber import routes as subscriber_routes
from services.api.resources.subscriber.finish_erasure import finish_left
from services.api.resources.suppression import routes as suppression_routes
from services.api.resources.task import routes as task_routes
from services.api.resources.user import routes as user_routes
from services.api.routing import Routes
from services.api.serve import Beside, Page, PageMaker, Server
from shared.bus.hinter import Hinter
from shared.bus.interface import Bus
from shared.domain.dns_records import DomainTerms
from shared.domain.egress import EgressRules
from shared.domain.email_address import to_envelope
from shared.domain.tokens import TokenKeys
from shared.egress.client import EgressClient
from shared.event_store.handle_command import Handler
from shared.event_store.interface import EventStore
from shared.object_store.interface import ObjectStore
from shared.object_store.opening import open_objects
from shared.postgres.database import Database, DatabaseError, Unavailable
from shared.postgres.ids import Ids
from shared.runtime import clock
from shared.runtime.exposition import CONTENT_TYPE as EXPOSITION
from shared.runtime.lifecycle import Wakeup, run_loop
from shared.runtime.settings import BadSettings, Settings

NEEDED: Final = frozenset({"DATABASE_URL", "BUS_URL", "SECRET"})
BACKLOG: Final = 512
STOP_SECONDS: Final = 15.0  #: for the answers under way
FORGET_SECONDS: Final = 60.0

OPERATIONS: Final[tuple[Operation[Any, Any], ...]] = (
    *list_routes.OPERATIONS,
    *subscriber_routes.OPERATIONS,
    *message_routes.OPERATIONS,
    *notice_routes.OPERATIONS,
    *suppression_routes.OPERATIONS,
    *task_routes.OPERATIONS,
    *splittest_routes.OPERATIONS,
    *account_routes.OPERATIONS,
    *user_routes.OPERATIONS,
    *store_routes.OPERATIONS,
    *key_routes.OPERATIONS,
    *domain_routes.OPERATIONS,
    *campaign_routes.OPERATIONS,
    *search_routes.OPERATIONS,
    *job_routes.OPERATIONS,
    *export_routes.OPERATIONS,
    *adplan_routes.OPERATIONS,
    *callback_routes.OPERATIONS,
    *event_routes.OPERATIONS,
    *SIGNUPTO_OPERATIONS,
)


@dataclass(slots=True)
class RunningApi:
    url: str
    port: int
    console: Beside
    _runner: web.ServerRunner
    _hinter: Hinter
    _egress: EgressClient
    _objects: ObjectStore
    _stopping: asyncio.Event
    _loops: list[asyncio.Task[None]]

    async def stop(self) -> None:
        """Takes no more requests, answers those under way, gives the relay's place to the next."""
        self.console.close()
        await self._runner.cleanup()
        self._stopping.set()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await self._hinter.close()
        await self._egress.close()
        await self._objects.close()


async def start_api(
    settings: Settings, database: Database, store: EventStore, bus: Bus, beside: Sequence[CollectorRegistry] = ()
) -> RunningApi:
    """Listens on the settings' host and port. ``beside``: what its ``/metrics`` tells of services in the same process.

    Raises OSError when it cannot, BadSettings also when it is to ask DNS and there is no name server.
    """
    counts, egress = _metrics(database, beside), _egress(settings)
    hinter, readiness, stopping = Hinter(bus), Readiness(database, clock.monotonic), asyncio.Event()
    relay = Relay(store, database, bus, clock.random_id(), sweep_seconds=settings.sweep_seconds)
    deliveries = DeliveryRelay(database, bus, clock.random_id(), sweep_seconds=settings.sweep_seconds)
    _check(settings)
    objects = open_objects(settings)
    terms = DomainTerms(settings.dns_check, settings.bounce_domain, settings.mx_host or settings.bounce_domain)
    look_at_dns = Wakeup()
    watch = _domain_watch(settings, database, store, terms, look_at_dns) if terms.checked else None
    told = (relay.ring, terms, look_at_dns.ring)
    server = make_server(settings, database, store, hinter, readiness, *told, egress, counts, objects)
    runner = web.ServerRunner(Listener(server.respond), shutdown_timeout=STOP_SECONDS)
    await runner.setup()
    await web.TCPSite(runner, settings.host, settings.api_port, backlog=BACKLOG).start()
    port: int = runner.addresses[0][1]
    return RunningApi(
        url=f"http://{settings.host}:{port}",
        port=port,
        console=server.beside,
        _runner=runner,
        _hinter=hinter,
        _egress=egress,
        _objects=objects,
        _stopping=stopping,
        _loops=[
            asyncio.create_task(relay.run(stopping)),
            asyncio.create_task(deliveries.run(stopping)),
            asyncio.create_task(run_loop("readiness", readiness.probe, Wakeup(), stopping, PROBE_SECONDS)),
            asyncio.create_task(_forget_expired(database, stopping)),
            asyncio.create_task(_finish_erasures(database, stopping)),
            *([asyncio.create_task(watch(stopping))] if watch else []),
        ],
    )


def _metrics(database: Database, beside: Sequence[CollectorRegistry]) -> Metrics:
    metrics = Metrics(beside)
    metrics.watch(database, clock.monotonic)
    return metrics


def _egress(settings: Settings) -> EgressClient:
    return EgressClient(EgressRules(settings.egress_allow, settings.egress_ports))


def _check(settings: Settings) -> None:
    """Raises BadSettings for what a message could not be made with."""
    if to_envelope(f"b@{settings.bounce_domain}") is None:
        raise BadSettings([f"POSTROOM_BOUNCE_DOMAIN: {settings.bounce_domain!r} is no domain"])


def make_server(
    settings: Settings,
    database: Database,
    store: EventStore,
    hinter: Hinter,
    readiness: Readiness,
    changed: Callable[[], None],
    terms: DomainTerms,
    look_at_dns: Callable[[], None],
    egress: EgressClient,
    counts: Metrics,
    objects: ObjectStore,
) -> Server:
    authenticator = Authenticator(database, clock.monotonic)
    api = Api(
        database=database,
        store=store,
        commands=Handler(store, clock.now),
        ids=Ids(database),
        hints=hinter,
        in_turn=InTurn(),
        looks=LookTogether(database),
        now=clock.now,
        random_id=clock.random_id,
        secret=settings.secret,
        tokens=TokenKeys(settings.secret),
        tracker_url=settings.public_tracker_url,
        bounce_domain=settings.bounce_domain,
        forget_key=authenticator.forget,
        terms=terms,
        look_at_dns=look_at_dns,
        objects=objects,
        egress=egress,
    )
    dialects = _dialects(settings, database, authenticator)
    routes, ended = Routes(OPERATIONS), EndedSessions(database, clock.monotonic)
    console = Console(Asking(api, routes), authenticator, Live(clock.monotonic), settings.secret, ended)
    return Server(api, routes, authenticator, counts, _pages(readiness, counts), changed, console, dialects)


def _dialects(settings: Settings, database: Database, authenticator: Authenticator) -> dict[str, Dialect]:
    """By what their paths begin with."""
    return {
        "v1": SignUpTo(database, settings.secret, authenticator),
        "job": Sailthru(database, settings.secret, authenticator),
    }


def _domain_watch(
    settings: Settings, database: Database, store: EventStore, terms: DomainTerms, wakeup: Wakeup
) -> Callable[[asyncio.Event], Coroutine[Any, Any, None]]:
    """The loop that asks DNS, until the event given to it."""
    watch = DomainWatch(database, Handler(store, clock.now), DnsLookup(settings.dns_server), terms)
    return lambda stop: run_loop("domains", watch.look, wakeup, stop, SWEEP_SECONDS, passing=(Unavailable,))


async def _forget_expired(database: Database, stopping: asyncio.Event) -> None:
    """Nonces and tokens of ``/v1`` that nobody can use any more, and sessions that are over anyway."""

    async def forget() -> bool:
        return await forget_expired(database) or await forget_over(database)

    await run_loop("expired", forget, Wakeup(), stopping, FORGET_SECONDS, passing=(DatabaseError,))


async def _finish_erasures(database: Database, stopping: asyncio.Event) -> None:
    """Those that a request began and could not end."""
    await run_loop(
        "erasures", lambda: finish_left(database), Wakeup(), stopping, FORGET_SECONDS, passing=(DatabaseError,)
    )


def _pages(readiness: Readiness, counts: Metrics) -> dict[str, PageMaker]:
    """What is served to everybody."""
    description, bus = _descriptions()
    page, policy = read_docs()
    docs = Page("text/html; charset=utf-8", page, headers=policy)
    alive = Page("application/json", orjson.dumps({"status": "ok"}))
    unready = unavailable("Postgres cannot be written to")
    not_ready = Page(CONTENT_TYPE, orjson.dumps(unready.body()), unready.status)
    return {
        "/healthz": lambda: alive,
        "/readyz": lambda: alive if readiness.ready() else not_ready,
        "/metrics": lambda: _told(counts),
        "/openapi.json": lambda: description,
        "/asyncapi.yaml": lambda: bus,
        "/docs": lambda: docs,
    }


@cache
def _descriptions() -> tuple[Page, Page]:
    """Of the API and of the bus: half a second of work that is the same for every API of a process."""
    described = orjson.dumps(openapi.describe(OPERATIONS, version("postroom")))
    bus = write_yaml(describe_bus(version("postroom"))).encode()
    return Page("application/json", described), Page("application/yaml", bus)


async def _told(counts: Metrics) -> Page:
    return Page(EXPOSITION, await counts.exposition())
