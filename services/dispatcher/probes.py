"""The dispatcher's own small port: is it alive, can it work, and what has it done."""

from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from services.dispatcher.channels.interface import OutcomeKind
from shared.domain.identifiers import Channel
from shared.domain.notice import NoticeState
from shared.domain.task import Harm


@dataclass(slots=True)
class Figures:
    """What the dispatcher counts about itself since it started."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    outcomes: Counter = field(init=False)
    held: Gauge = field(init=False)
    blocked: Gauge = field(init=False)
    paused: Counter = field(init=False)
    notices: Counter = field(init=False)

    def __post_init__(self) -> None:
        self.outcomes = Counter(
            "postroom_messages_sent_total",
            "Messages by channel and by what the relay or gateway said",
            ["channel", "outcome"],
            registry=self.registry,
        )
        self.notices = Counter(
            "postroom_notices_total",
            "Attempts at single messages outside tasks, by what became of them",
            ["channel", "state"],
            registry=self.registry,
        )
        self.held = Gauge("postroom_batches_held", "Batches this dispatcher holds a lease on", registry=self.registry)

        self.blocked = Gauge(
            "postroom_transport_blocked", "1 while nothing gets through", ["transport"], registry=self.registry
        )
        self.paused = Counter(
            "postroom_tasks_paused_total", "Tasks that this service paused", ["cause"], registry=self.registry
        )

    def count(self, channel: Channel, outcome: OutcomeKind) -> None:
        self.outcomes.labels(channel, outcome).inc()

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
        return web.Response(body=generate_latest(figures.registry), content_type="text/plain")

    app = web.Application()
    app.add_routes([web.get("/healthz", health), web.get("/readyz", readiness), web.get("/metrics", metrics)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner
