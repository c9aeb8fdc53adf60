"""A Postgres of our own for one machine: a direct child on loopback, durable, started again when it dies.

Layout of the data folder: ``postgres/`` the cluster, ``postgres.password`` (0600), ``postgres.log``.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from services.standalone.postgres_binaries import find_binaries
from services.standalone.private_process import (
    FolderBlocked,
    blocked_by,
    end,
    free_port,
    kill,
    make_folders,
    run,
    server_user,
    spawn,
)
from shared.runtime.clock import random_bytes

_OWNER = "postroom"
_ENVIRONMENT = {"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin", "TZ": "UTC"}
_LOOK_SECONDS = 0.05
_LOOKS = 1200  # one minute: recovery from a crash under load takes its time
_RETRY_SECONDS = 0.3
_TRIES = 30  # a killed postmaster leaves children that hold its memory for a second or two
_STOP_SECONDS = 20.0

#: For a laptop: durable as ever, but few connections and no compiling of short statements.
SETTINGS: Mapping[str, str] = {
    "checkpoint_timeout": "15min",
    "fsync": "on",
    "jit": "off",
    "listen_addresses": "127.0.0.1",
    "log_timezone": "UTC",
    "max_connections": "200",
    "password_encryption": "scram-sha-256",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "unix_socket_directories": "",
}


class PostgresNotStarted(Exception):
    """Postgres ended, or never came to accept connections; the message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Folders:
    data: Path
    cache: Path


def default_folders(environment: Mapping[str, str], *, root: bool) -> Folders:
    """Root's files lie where a server without rights can reach them; everybody else's where XDG says."""
    if root:
        return Folders(Path("/var/lib/postroom"), Path("/var/cache/postroom"))
    home = Path(environment.get("HOME", "/"))
    return Folders(
        Path(environment.get("XDG_DATA_HOME") or home / ".local/share") / "postroom",
        Path(environment.get("XDG_CACHE_HOME") or home / ".cache") / "postroom",
    )


class EmbeddedPostgres:
    """One cluster in one folder. Data, password and, for the life of this object, the port stay the same."""

    def __init__(
        self,
        data: Path,
        cache: Path,
        *,
        settings: Mapping[str, str] | None = None,
        binaries: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """``settings`` go before SETTINGS; ``binaries`` is found when not given. Nothing happens before ``start``."""
        self._data = data.absolute()
        self._cache = cache.absolute()
        self._settings = {**SETTINGS, **(settings or {})}
        self._binaries = binaries
        self._environment = {**_ENVIRONMENT, **(environment or {})}
        self._user = server_user()
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """With the password. No TLS on loopback; asking for none also keeps drivers from looking for keys at home."""
        password = self._password_file.read_text(encoding="ascii")
        return f"postgresql://{_OWNER}:{password}@127.0.0.1:{self._port}/postgres?sslmode=disable"

    @property
    def pid(self) -> int | None:
        """Of the postmaster, while it lives."""
        return None if self._process is None or self._process.poll() is not None else self._process.pid

    def start(self) -> None:
        """Returns when connections are accepted. Raises FolderBlocked, PostgresMissing, PostgresNotStarted."""
        for pause in self._starting():
            time.sleep(pause)  # noqa: TID251 - blocks on purpose: nothing can run yet that needs the loop

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, everything committed is on disk."""
        if self._process is not None:
            end(self._process, signal.SIGINT, _STOP_SECONDS)

    def kill(self) -> None:
        """kill -9, as a crash would: ``start`` recovers."""
        if self._process is not None:
            kill(self._process)

    async def watch(self, restarted: Callable[[], None]) -> None:
        """Until cancelled: starts a dead postmaster again on the same port, then calls ``restarted``.

        Cancel it before ``stop``. Raises PostgresNotStarted when starting it again does not help.
        """
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if self.pid is None:
                for pause in self._starting():
                    await asyncio.sleep(pause)
                restarted()

    def _starting(self) -> Iterator[float]:
        """The way to a running server as the pauses on it, so that one way serves both who block and who await."""
        self._binaries = self._binaries or find_binaries(self._cache, self._user)
        self._claim_folder()
        if not self._cluster.exists():
            self._initialise(self._binaries)
        for _ in range(_TRIES):
            self._launch(self._binaries)
            for _ in range(_LOOKS):
                yield _LOOK_SECONDS
                if self.pid is None:
                    break
                if self._accepts_connections():
                    return
            else:
                break  # alive and silent for a minute: starting it again would not help
            yield _RETRY_SECONDS
        self.kill()
        raise PostgresNotStarted(f"{self._cluster}: {self._last_words()}")

    def _claim_folder(self) -> None:
        """Makes the data folder. One that was handed to us empty is opened for passing, its parents never."""
        data, user = self._data, self._user
        mode = 0o711 if user.drops else 0o700
        blocked = blocked_by(data, user)
        if blocked == data and os.access(data, os.W_OK) and not any(data.iterdir()):
            data.chmod(mode)
            blocked = None
        if blocked is not None:
            raise FolderBlocked(blocked, user.name, data)
        make_folders(data, mode)

    def _initialise(self, binaries: Path) -> None:
        """Builds the cluster beside its place and moves it there whole: half a cluster never looks like one."""
        unfinished = self._data / "postgres.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(random_bytes(24).hex(), encoding="ascii")
        if self._user.drops:
            for path in (unfinished, self._password_file):
                os.chown(path, self._user.uid, self._user.gid)
        command: list[str | Path] = [
            binaries / "initdb",
            "--pgdata",
            unfinished,
            "--username",
            _OWNER,
            "--pwfile",
            self._password_file,
        ]
        command += ["--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--data-checksums"]
        if self._settings["fsync"] == "off":
            command.append("--no-sync")
        done = run(command, user=self._user, environment=self._environment)
        if done.returncode != 0:
            raise PostgresNotStarted(f"initdb: {done.stderr.decode(errors='replace').strip()}")
        unfinished.rename(self._cluster)

    def _launch(self, binaries: Path) -> None:
        command: list[str | Path] = [binaries / "postgres", "-D", self._cluster, "-p", str(self._port)]
        for name, value in self._settings.items():
            command += ["-c", f"{name}={value}"]
        self._process = spawn(
            command, user=self._user, environment=self._environment, log=self._log, farewell=signal.SIGINT
        )

    def _accepts_connections(self) -> bool:
        """As the postmaster itself says, in the eighth line of its pid file."""
        try:
            lines = (self._cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[0] == str(self.pid) and lines[7].strip() == "ready"

    def _last_words(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[-2000:].strip()

    @property
    def _cluster(self) -> Path:
        return self._data / "postgres"

    @property
    def _password_file(self) -> Path:
        return self._data / "postgres.password"

    @property
    def _log(self) -> Path:
        return self._data / "postgres.log"
