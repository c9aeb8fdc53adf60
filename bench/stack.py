"""A whole Postroom as in production, on this machine: real Postgres and RabbitMQ, each service a process."""

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from bench.processes import running
from services.standalone.private_process import free_port
from tests.servers.backends import made
from tests.servers.postgres import DURABLE, choose_postgres
from tests.servers.rabbitmq import choose_rabbitmq

ROOT = str(Path(__file__).resolve().parents[1])

_READY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Servers:
    """Postgres as durable as in production, and a broker: of this run alone."""

    database_url: str
    bus_url: str
    pids: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Stack:
    api: str
    key: str
    pids: Mapping[str, int]  #: by the name of the service
    key_of: Callable[[str], str]  #: of an admin of the account of this name, which is made where it is missing


@contextmanager
def servers() -> Iterator[Servers]:
    with ExitStack() as stack:
        broker = stack.enter_context(made(choose_rabbitmq(os.environ, ours=True)))
        broker.launch()
        postgres = stack.enter_context(made(choose_postgres(os.environ, DURABLE, ours=True)))
        postgres.start()
        broker.wait()
        pid = getattr(postgres, "pid", None)  # none where it runs in a container
        yield Servers(postgres.url, broker.url, {"postgres": pid} if pid else {})


@contextmanager
def services(servers: Servers, smtp_port: int, folder: Path, dispatchers: int = 1, **given: str) -> Iterator[Stack]:
    """The three services, migrated and ready, sending to the SMTP server on that port. ``given``: further settings, by
    their names in lower case.
    """
    ports = {name: free_port() for name in ("api", "tracker", "metrics")}
    environment = _environment(servers, smtp_port, folder, ports)
    environment |= {f"POSTROOM_{name.upper()}": value for name, value in given.items()}
    run_command(["migrate"], environment)

    def key_of(account: str) -> str:
        made = run_command(["key", "create", "--account", account, "--user", "bench", "--role", "admin"], environment)
        return str(json.loads(made)["key"])

    with ExitStack() as stack:
        pids = {
            name: stack.enter_context(running(_command(name), folder / f"{name}.log", environment)).pid
            for name in ("api", "tracker", "dispatcher")
        }
        for number in range(2, dispatchers + 1):
            own = {**environment, "POSTROOM_METRICS_PORT": str(free_port())}
            name = f"dispatcher-{number}"
            pids[name] = stack.enter_context(running(_command("dispatcher"), folder / f"{name}.log", own)).pid
        url = f"http://127.0.0.1:{ports['api']}"
        _wait_until_ready(url, folder / "api.log")
        yield Stack(url, key_of("bench"), pids, key_of)


def run_command(arguments: list[str], environment: Mapping[str, str]) -> str:
    """What a command of `postroom` prints on stdout."""
    done = subprocess.run(_command(*arguments), env=dict(environment), check=True, stdout=subprocess.PIPE, timeout=120)
    return done.stdout.decode()


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "services.standalone", *arguments]


def _environment(servers: Servers, smtp_port: int, folder: Path, ports: Mapping[str, int]) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": str(folder),
        "PYTHONPATH": ROOT,
        "POSTROOM_DATABASE_URL": servers.database_url,
        "POSTROOM_BUS_URL": servers.bus_url,
        "POSTROOM_SMTP_URL": f"smtp://127.0.0.1:{smtp_port}",
        "POSTROOM_SECRET": base64.b64encode(bytes(range(32))).decode(),
        "POSTROOM_JOURNAL_DIR": str(folder / "journal"),
        "POSTROOM_API_PORT": str(ports["api"]),
        "POSTROOM_TRACKER_PORT": str(ports["tracker"]),
        "POSTROOM_BOUNCE_PORT": "0",
        "POSTROOM_METRICS_PORT": str(ports["metrics"]),
        "POSTROOM_LOG_LEVEL": "warning",
        "POSTROOM_DNS_CHECK": "off",
    }


def _wait_until_ready(url: str, log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        try:
            with urlopen(f"{url}/readyz", timeout=2) as answer:  # noqa: S310 - our own, on loopback
                if answer.status == 200:
                    return
        except OSError:
            if time.monotonic() > deadline:
                raise TimeoutError(log.read_text(encoding="utf-8", errors="replace")[-2000:]) from None
        time.sleep(0.1)
