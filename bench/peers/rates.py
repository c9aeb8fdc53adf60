"""Mails a second of other senders, each to the same sink, with as many connections as one dispatcher has."""

import json
import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from bench.mail_sink import SESSIONS, Sink
from bench.peers.installed import python_with
from bench.processes import running
from bench.stack import Servers
from tests.servers.node import installed, node

HERE: Final = Path(__file__).parent
PROSE: Final = "All work and no play makes a dull day. " * 20  #: in both parts of each mail: about 2 kB in all

POST_OFFICE: Final = ("Django==5.2.19", "django-post-office==3.12.0", "psycopg[binary]==3.3.9")
CELERY: Final = ("celery==5.7.0",)
WORKERS: Final = 4  #: of celery: more make it no faster on two cores

_SECONDS: Final = 600.0
_LOOK_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True)
class Dkim:
    """A key, and where DNS would show it."""

    domain: str
    selector: str
    pem: str


def nodemailer_rate(target: Sink, count: int, dkim: Dkim | None = None) -> float:
    """Pooled; nothing is stored. As its script measures: without the start of Node.js."""
    signing = {"domainName": dkim.domain, "keySelector": dkim.selector, "privateKey": dkim.pem} if dkim else None
    wanted = {"port": target.port, "count": count, "connections": SESSIONS, "prose": PROSE, "dkim": signing}
    folder = installed(HERE / "nodemailer")
    return _rate_of([node(), folder / "send.js", json.dumps(wanted)])


def post_office_rate(target: Sink, count: int, database_url: str) -> float:
    """Of sending what was queued before: a row a mail. ``database_url``: of an empty one, for it alone."""
    url = urlsplit(database_url)
    database = {
        "NAME": url.path.removeprefix("/"),
        "HOST": url.hostname,
        "PORT": url.port,
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
    }
    wanted = {"port": target.port, "count": count, "connections": SESSIONS, "prose": PROSE, "database": database}
    return _rate_of([python_with(POST_OFFICE), HERE / "post_office" / "send.py", json.dumps(wanted)])


def celery_rate(target: Sink, count: int, servers: Servers, folder: Path) -> float:
    """One task a mail: from the first that is published to the last that the sink has."""
    python, scripts = python_with(CELERY), HERE / "celery_mail"
    environment = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "PYTHONPATH": str(scripts),
        "PEER_BROKER": servers.bus_url.replace("amqp://", "pyamqp://", 1),
        "PEER_PORT": str(target.port),
    }
    worker = [python, "-m", "celery", "-A", "mails", "worker", "--concurrency", str(WORKERS), "--loglevel", "warning"]
    publish = [str(python), str(scripts / "publish.py")]
    with running([*map(str, worker), "--without-gossip", "--without-mingle"], folder / "celery.log", environment):
        before = target.count()
        _ask(publish, 1, environment)
        _wait_for(target, before + 1)  # the workers are there
        before, begun = target.count(), time.perf_counter()
        _ask(publish, count, environment)
        _wait_for(target, before + count)
        return count / (time.perf_counter() - begun)


def _ask(publish: list[str], count: int, environment: Mapping[str, str]) -> None:
    subprocess.run([*publish, str(count), PROSE], env=dict(environment), check=True, timeout=_SECONDS)


def _wait_for(target: Sink, count: int) -> None:
    deadline = time.perf_counter() + _SECONDS
    while target.count() < count:
        if time.perf_counter() > deadline:
            raise TimeoutError(f"{target.count():,} of {count:,} mails within {_SECONDS:.0f} s")
        time.sleep(_LOOK_SECONDS)


def _rate_of(command: list[str | Path]) -> float:
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=_SECONDS)
    return float(json.loads(done.stdout)["rate"])
