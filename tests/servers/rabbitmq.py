"""RabbitMQ for the tests: a broker of our own in the foreground, on loopback, gone when we are gone."""

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.standalone.private_process import User, end, free_port, kill, spawn
from tests.servers.answers import amqp_answers
from tests.servers.backends import Broker, GivenServer, Offer, cache_folder, choose, debian_tools, docker_answers
from tests.servers.debian_packages import unpack
from tests.servers.docker_server import docker_rabbitmq

_HELP = """Any one of these helps:
  TEST_AMQP_URL=amqp://user:password@host/vhost make test   # a broker you have
  apt-get install --no-install-recommends rabbitmq-server   # as root; it need not be running
  a Docker engine that this user may use"""

_PACKAGE = "rabbitmq-server"
_OWN = re.compile(r"rabbitmq-server|erlang-.+")
_START_SECONDS = 120.0
_STOP_SECONDS = 20.0
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_CONFIGURATION = """
listeners.tcp.1 = 127.0.0.1:{port}
log.console = true
log.file = false
log.console.level = warning
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 50MB
raft.wal_max_size_bytes = 16777216
"""


@dataclass(frozen=True, slots=True)
class Installation:
    """What is run: the broker's own start script (Debian's wrapper would change user and folder), and Erlang."""

    scripts: Path
    epmd: Path
    path: str


class PrivateRabbitMQ:
    """One broker in one folder. ``launch`` returns at once, ``wait`` when it takes clients: some 4 to 10 s."""

    def __init__(self, folder: Path, installation: Installation) -> None:
        self.application = ""  #: further settings of the application, as Erlang's command line spells them
        self._folder = folder
        self._installation = installation
        self._port, self._dist_port, self._epmd_port = free_port(), free_port(), free_port()
        self._broker: subprocess.Popen[bytes] | None = None
        self._epmd: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self._port}/"

    def start(self) -> None:
        self.launch()
        self.wait()

    def launch(self) -> None:
        """With an epmd of our own in the foreground: one that the broker starts would outlive it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "rabbitmq.conf").write_text(_CONFIGURATION.format(port=self._port), encoding="ascii")
        (self._folder / "enabled_plugins").write_text("[].\n", encoding="ascii")
        if self._epmd is None or self._epmd.poll() is not None:
            self._epmd = self._spawn(self._installation.epmd, "-port", str(self._epmd_port), "-address", "127.0.0.1")
        self._broker = self._spawn(self._installation.scripts / "rabbitmq-server")

    def wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not amqp_answers(self._port):
            if self._broker is None or self._broker.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"RabbitMQ did not start:\n{self._log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        for process in (self._broker, self._epmd):
            if process is not None:
                end(process, signal.SIGTERM, _STOP_SECONDS)

    def kill(self) -> None:
        if self._broker is not None:
            kill(self._broker)

    def wipe(self) -> None:
        """Of a broker that was killed: whatever it held is gone."""
        shutil.rmtree(self._folder / "data")

    def control(self, *arguments: str) -> None:
        """As `rabbitmqctl` does. Raises CalledProcessError."""
        command: list[str | Path] = [self._installation.scripts / "rabbitmqctl", *arguments]
        subprocess.run(command, check=True, capture_output=True, env=self._environment(), timeout=_START_SECONDS)

    def said(self, words: str) -> bool:
        """Whether they stand in its log."""
        return words in self._log.read_text(errors="replace")

    def _spawn(self, program: Path, *arguments: str) -> subprocess.Popen[bytes]:
        return spawn(
            [program, *arguments],
            user=User.ourselves(),
            environment=self._environment(),
            log=self._log,
            folder=self._folder,
        )

    @property
    def _log(self) -> Path:
        return self._folder / "broker.log"

    def _environment(self) -> dict[str, str]:
        """Nothing of the system's own broker: its settings, folders, cookie, name registry and ports."""
        here = self._folder
        return {
            "PATH": self._installation.path,
            "HOME": str(here),
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "ERL_CRASH_DUMP": "/dev/null",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_MAX_PORTS": "1024",
            "RABBITMQ_CONFIG_FILE": str(here / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(here / "enabled_plugins"),
            "RABBITMQ_FEATURE_FLAGS_FILE": str(here / "feature_flags"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(here / "generated"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_LOG_BASE": str(here / "log"),
            "RABBITMQ_MNESIA_BASE": str(here / "data"),
            "RABBITMQ_NODENAME": "postroom@localhost",  # names the data: another name would be an empty broker
            "RABBITMQ_PID_FILE": str(here / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none"
            + self.application,
        }


def choose_rabbitmq(environment: Mapping[str, str], *, ours: bool = False) -> Offer[Broker]:
    """Raises ServerMissing."""
    return choose(_offers(environment), environment.get("TEST_BACKEND"), _HELP, ours=ours)


def _offers(environment: Mapping[str, str]) -> list[Offer[Broker]]:
    """In the order of preference."""
    url = environment.get("TEST_AMQP_URL")
    return [
        Offer("url", lambda: "TEST_AMQP_URL" if url else None, lambda folder: GivenServer(url or "")),
        Offer("docker", lambda: "container" if docker_answers() else None, lambda folder: docker_rabbitmq()),
        Offer("local", _describe_local, _local),
        Offer("unpack", lambda: "Debian's package" if debian_tools() else None, _unpacked),
    ]


def _describe_local() -> str | None:
    found = _installed(Path("/"))
    return str(found.scripts) if found else None


def _local(folder: Path) -> PrivateRabbitMQ:
    installation = _installed(Path("/"))
    assert installation is not None, "offered, so it is there"
    return PrivateRabbitMQ(folder, installation)


def _unpacked(folder: Path) -> PrivateRabbitMQ:
    installation = _installed(unpack(_PACKAGE, _OWN, cache_folder(), _relocate_erlang))
    assert installation is not None, "the package holds its own scripts"
    return PrivateRabbitMQ(folder, installation)


def _installed(root: Path) -> Installation | None:
    """The newest RabbitMQ in Debian's place under ``root``, with the Erlang beside it."""
    scripts = sorted(root.glob("usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin"))
    path = f"{root / 'usr/lib/erlang/bin'}:{_PATH}"
    epmd = next(iter(root.glob("usr/lib/erlang/erts-*/bin/epmd")), None) or shutil.which("epmd", path=path)
    if not scripts or epmd is None:
        return None
    return Installation(scripts[-1], Path(epmd), path)


def _relocate_erlang(tree: Path, target: Path) -> None:
    """Erlang's start scripts name their folder; an unpacked one must name where it lies."""
    for script in (tree / "usr/lib/erlang/bin/erl", *tree.glob("usr/lib/erlang/erts-*/bin/erl")):
        if not script.is_symlink():
            text = script.read_text(encoding="utf-8")
            moved = text.replace("ROOTDIR=/usr/lib/erlang", f"ROOTDIR={target}/usr/lib/erlang")
            script.write_text(moved, encoding="utf-8")
