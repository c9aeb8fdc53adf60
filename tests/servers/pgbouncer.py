"""PgBouncer for the tests: Debian's, on loopback, in transaction mode, in front of one Postgres."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from services.standalone.private_process import end, free_port, make_folders, server_user, spawn
from tests.servers.answers import postgres_answers
from tests.servers.backends import cache_folder
from tests.servers.debian_packages import unpack

_START_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 10.0

#: Two connections for many clients: whoever thinks that a session is his own finds out.
_CONFIGURATION: Final = """
[databases]
{database} = host={host} port={server_port} dbname={database}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users.txt
pool_mode = transaction
default_pool_size = 2
max_client_conn = 200

"""


class PgBouncer:
    """Speaks for the database of ``url``, to whoever logs in as its user."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        self._parts = urlsplit(url)
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return urlunsplit(self._parts).replace(f":{self._parts.port}", f":{self._port}")

    def start(self) -> None:
        """Returns when it takes clients. Raises ServerMissing where the package is not to be had."""
        user = server_user()
        make_folders(self._folder, 0o755)
        database = self._parts.path.strip("/")
        facts = {"port": self._port, "folder": self._folder, "database": database}
        facts |= {"host": self._parts.hostname, "server_port": self._parts.port}
        self._write("pgbouncer.ini", _CONFIGURATION.format(**facts))
        self._write("users.txt", f'"{self._parts.username}" "{self._parts.password}"\n')
        if user.drops:
            for path in (self._folder, *self._folder.iterdir()):
                os.chown(path, user.uid, user.gid)
        tree = unpack("pgbouncer", re.compile("pgbouncer"), cache_folder())
        libraries = sorted({str(path.parent) for path in (tree / "usr/lib").glob("*/lib*.so*")})
        self._process = spawn(
            [tree / "usr/sbin/pgbouncer", self._folder / "pgbouncer.ini"],
            user=user,
            environment={"LD_LIBRARY_PATH": ":".join(libraries)},
            log=self._log,
        )
        self._wait()

    def stop(self) -> None:
        if self._process is not None:
            end(self._process, signal.SIGTERM, _STOP_SECONDS)

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not postgres_answers(self._port, self._parts.username or ""):
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PgBouncer did not start:\n{self._log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def _write(self, name: str, text: str) -> None:
        (self._folder / name).write_text(text, encoding="utf-8")

    @property
    def _log(self) -> Path:
        return self._folder / "pgbouncer.log"
