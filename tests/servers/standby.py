"""A second Postgres on loopback that follows a first one by streaming, to be cut off from it and promoted."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from services.standalone.embedded_postgres import EmbeddedPostgres, PostgresNotStarted
from services.standalone.private_process import make_folders, run
from tests.servers.backends import cache_folder, made
from tests.servers.postgres import choose_embedded


class Follower(EmbeddedPostgres):
    """A base backup of ``primary``, taken when it is first started. ``follows``: as a standby; else it is a copy of a
    moment, that begins where that ended and knows nothing of having been copied.
    """

    def __init__(self, primary: EmbeddedPostgres, data: Path, *, follows: bool = True) -> None:
        super().__init__(data, cache_folder(), binaries=primary._binaries, environment=primary._environment)
        self._primary = primary
        self._follows = follows

    def _initialise(self, binaries: Path) -> None:
        shutil.copy2(self._primary._password_file, self._password_file)
        make_folders(self._cluster, 0o700)
        os.chown(self._cluster, self._user.uid, self._user.gid)
        command: list[str | Path] = [binaries / "pg_basebackup", "-D", self._cluster, "-d", self._primary.url]
        command += ["-X", "stream", "-c", "fast", *(["-R"] if self._follows else [])]
        done = run(command, user=self._user, environment=self._environment)
        if done.returncode != 0:
            raise PostgresNotStarted(f"pg_basebackup: {done.stderr.decode(errors='replace').strip()}")

    def _accepts_connections(self) -> bool:
        """The eighth line of the pid file says ``standby`` as long as it follows."""
        try:
            lines = (self._cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[0] == str(self.pid) and lines[7].strip() in ("ready", "standby")

    async def cut_off(self) -> None:
        """From now on nothing of what the primary commits gets here."""
        async with connected(self.url) as connection:
            await connection.execute("ALTER SYSTEM SET primary_conninfo = ''")
            await connection.execute("SELECT pg_reload_conf()")
            async with asyncio.timeout(30):
                while await connection.fetchval("SELECT count(*) FROM pg_stat_wal_receiver"):
                    await asyncio.sleep(0.02)

    async def promote(self) -> None:
        """Returns when it can be written to."""
        async with connected(self.url) as connection:
            assert await connection.fetchval("SELECT pg_promote()")


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Any]:
    """To a server that may take no writes, as one of ours would refuse to be."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


@contextmanager
def pair() -> Iterator[tuple[EmbeddedPostgres, Follower]]:
    """Both started, the second follows the first; its data, too, are gone at the end."""
    with made(choose_embedded()) as primary, folder() as data:
        assert isinstance(primary, EmbeddedPostgres)
        primary.start()
        standby = Follower(primary, data)
        try:
            standby.start()
            yield primary, standby
        finally:
            standby.stop()


@contextmanager
def folder() -> Iterator[Path]:
    made_here = Path(tempfile.mkdtemp(prefix="postroom-test-"))
    try:
        yield made_here
    finally:
        shutil.rmtree(made_here, ignore_errors=True)


def run_tool(server: EmbeddedPostgres, tool: str, *arguments: str) -> bytes:
    """What one of the server's own programs says."""
    program, environment = server._binaries, server._environment
    assert program is not None
    done = subprocess.run([program / tool, *arguments], env=environment, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def either_of(first: EmbeddedPostgres, second: EmbeddedPostgres) -> str:
    """A URL that leads to whichever takes writes."""
    hosts = ",".join(urlsplit(each.url).netloc.rsplit("@", 1)[1] for each in (first, second))
    parts = urlsplit(first.url)
    return parts._replace(netloc=f"{parts.username}:{parts.password}@{hosts}").geturl()
