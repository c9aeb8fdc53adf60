"""The dispatcher's own small port: is it alive, can it work, and what has it done."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import get_args

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge

from services.dispatcher.channels.interface import OutcomeKind
from services.dispatcher.decisions.name_domain import OTHER
from shared.domain.identifiers import Channel
from shared.domain.notice import NoticeState
from shared.domain.task import Harm
from shared.runtime.exposition import exposition, part_of, show_pool, show_process


@dataclass(slots=True)
class Figures:
    """What the dispatcher counts about itself since it started."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    outcomes: Counter = field(init=False)
    held: Gauge = field(init=False)
    blocked: Gauge = field(init=False)
    paused: Counter = field(init=False)
    notices: Counter = field(init=False)
    by_domain: Counter = field(init=False)
    connections: Gauge = field(init=False)
    journal: Gauge = field(init=False)
    relays: dict[Channel, str] = field(default_factory=dict)  #: host and port that each channel leads to

    def __post_init__(self) -> None:
        self.outcomes = Counter(
            "postroom_messages_sent_total",
            "Messages by channel, the relay or gateway they were given to, and what it said",
            ["channel", "relay", "outcome"],
            registry=self.registry,
        )
        self.notices = Counter(
            "postroom_notices_total",
            "Attempts at single messages outside tasks, by what became of them",
            ["channel", "state"],
            registry=self.registry,
        )
        self.by_domain = Counter(
            "postroom_domain_messages_total",
            "Mails handed over, by recipient domain (the large ones and those with a limit; else other), and "
            "whether the relay took them",
            ["domain", "taken"],
            registry=self.registry,
        )
        self.connections = Gauge(
            "postroom_transport_connections",
            "Connections to the relay or gateway: at work, and the most there may be",
            ["channel", "state"],
            registry=self.registry,
        )
        self.journal = Gauge("postroom_journal_bytes", "Size of the sending journal", registry=self.registry)
        self.held = Gauge("postroom_batches_held", "Batches this dispatcher holds a lease on", registry=self.registry)

        self.blocked = Gauge(
            "postroom_transport_blocked", "1 while nothing gets through", ["transport"], registry=self.registry
        )
        self.paused = Counter(
            "postroom_tasks_paused_total", "Tasks that this service paused", ["cause"], registry=self.registry
        )

        self._begin()

    def _begin(self) -> None:
        """What was not counted yet is told as 0: a first time would not be seen as an increase else."""
        for cause in get_args(Harm):
            self.paused.labels(cause)
        for taken in ("yes", "no"):
            self.by_domain.labels(OTHER, taken)
        for channel, state in product(get_args(Channel), get_args(NoticeState)):
            self.notices.labels(channel, state)

    def counter(self, channel: Channel) -> Callable[[OutcomeKind], None]:
        """Counts a channel's messages by what became of them; looks up once what each is counted by."""
        known: dict[OutcomeKind, Counter] = {}

        def count(outcome: OutcomeKind) -> None:
            if outcome not in known:
                known[outcome] = self.outcomes.labels(channel, self.relays.get(channel, ""), outcome)
            known[outcome].inc()

        return count

    def count_domains(self, domains: Mapping[str, int], *, taken: bool) -> None:
        for domain, messages in domains.items():
            self.by_domain.labels(domain, "yes" if taken else "no").inc(messages)

    def watch(
        self,
        pool: Callable[[], tuple[int, int, int]],
        journal: Callable[[], int],
        senders: Mapping[Channel, Callable[[], tuple[int, int, int]]],
    ) -> None:
        """From now on these are asked at each scrape. ``senders``: connections at work, the most, batches held."""
        show_process(self.registry)
        show_pool(self.registry, pool)
        self.journal.set_function(journal)
        for channel, outcome in product(senders, OutcomeKind):
            self.outcomes.labels(channel, self.relays.get(channel, ""), outcome)
        self.held.set_function(lambda: sum(use()[2] for use in senders.values()))
        for channel, use in senders.items():
            self.connections.labels(channel, "at_work").set_function(part_of(use, 0))
            self.connections.labels(channel, "limit").set_function(part_of(use, 1))

    def count_notice(self, channel: Channel, state: NoticeState) -> None:
        self.notices.labels(channel, state).inc()

    def show_blocked(self, transport: str, blocked: bool) -> None:
        self.blocked.labels(transport).set(blocked)

    def count_paused(self, cause: Harm) -> None:
        self.paused.labels(cause).inc()


async def serve_probes(host: str, port: int, figures: Figures, ready: Callable[[], bool]) -> web.AppRunner:
    """`/healthz` says that the process answers, `/readyz` what ``ready`` says; both without asking anybody else."""

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readiness(_: web.Request) -> web.Response:
        usable = ready()
        return web.json_response({"status": "ok" if usable else "unavailable"}, status=200 if usable else 503)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=exposition(figures.registry), content_type="text/plain")

    app = web.Application()
    app.add_routes([web.get("/healthz", health), web.get("/readyz", readiness), web.get("/metrics", metrics)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner
