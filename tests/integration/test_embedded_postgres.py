"""The Postgres of the standalone mode: durable, private, watched over, and never in the way of who starts it."""

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from services.standalone import postgres_binaries
from services.standalone.embedded_postgres import EmbeddedPostgres, PostgresNotStarted, default_folders
from services.standalone.private_process import FolderBlocked, User
from shared.postgres.database import Database, DatabaseError
from tests.servers.backends import REPOSITORY, cache_folder

SOMEBODY_ELSE = User("somebody", 65_533, 65_533, drops=True)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Empty and 0700, as ``mktemp -d`` makes it; pytest's own would keep a server without rights out."""
    path = Path(tempfile.mkdtemp(prefix="postroom-test-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """Whatever the machine's is."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def postgres(folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(folder, cache_folder())
    server.start()
    yield server
    server.stop()


async def answer(url: str, statement: str) -> object:
    database = await Database.connect(url, role=None, connections=1)
    try:
        return await database.fetch_value(statement)
    finally:
        await database.close()


async def note(url: str, number: int) -> None:
    await answer(url, f"CREATE TABLE noted AS SELECT {number} AS number")


async def noted(url: str) -> object:
    return await answer(url, "SELECT number FROM noted")


async def test_it_is_durable(postgres: EmbeddedPostgres) -> None:
    for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
        assert await answer(postgres.url, f"SHOW {setting}") == "on", setting


async def test_nobody_enters_without_the_password(postgres: EmbeddedPostgres, folder: Path) -> None:
    parts = urlsplit(postgres.url)
    guess = urlunsplit(parts._replace(netloc=f"{parts.username}:guess@{parts.hostname}:{parts.port}"))

    with pytest.raises(DatabaseError, match="28P01"):
        await answer(guess, "SELECT 1")
    assert stat.S_IMODE((folder / "postgres.password").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "postgres").stat().st_mode) == 0o700


async def test_data_and_password_survive_a_restart(postgres: EmbeddedPostgres, folder: Path) -> None:
    await note(postgres.url, 7)
    postgres.stop()
    assert postgres.pid is None

    again = EmbeddedPostgres(folder, cache_folder())
    again.start()

    assert await noted(again.url) == 7
    assert urlsplit(again.url).password == urlsplit(postgres.url).password
    again.stop()


async def test_a_killed_one_is_started_again_while_it_is_watched(postgres: EmbeddedPostgres) -> None:
    """At the same URL, with what was committed, and the application is told."""
    url = postgres.url
    await note(url, 8)
    killed, restarted = postgres.pid, asyncio.Event()
    watch = asyncio.create_task(postgres.watch(restarted.set))

    postgres.kill()
    async with asyncio.timeout(60):
        await restarted.wait()

    assert await noted(url) == 8
    assert postgres.pid not in (None, killed)
    watch.cancel()


def test_it_goes_when_its_parent_is_killed(folder: Path) -> None:
    """No postmaster outlives an application that had no time to stop it."""
    program = (
        "import sys; from pathlib import Path\n"
        "from services.standalone.embedded_postgres import EmbeddedPostgres\n"
        "server = EmbeddedPostgres(Path(sys.argv[1]), Path(sys.argv[2])); server.start()\n"
        "print(server.pid, flush=True); sys.stdin.read()"
    )
    command: list[str | Path] = [sys.executable, "-c", program, folder, cache_folder()]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        postmaster = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)

    deadline = time.monotonic() + 30
    while lives(postmaster):
        assert time.monotonic() < deadline, f"postmaster {postmaster} outlived its parent"
        time.sleep(0.05)


def lives(pid: int) -> bool:
    """A zombie that nobody collects does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_folder_out_of_reach_is_refused_by_the_name_of_what_blocks(folder: Path) -> None:
    """Nothing is created and nobody's folder is opened."""
    home = folder / "home"
    home.mkdir(mode=0o700 if os.geteuid() == 0 else 0o600)
    folder.chmod(0o755)

    with pytest.raises(FolderBlocked, match=str(home)) as refused:
        EmbeddedPostgres(home / "deep" / "data", cache_folder()).start()
    assert refused.value.folder == home
    home.chmod(0o700)
    assert list(home.iterdir()) == []


def test_a_folder_with_other_things_in_it_is_not_opened(folder: Path) -> None:
    """Only root has a server that needs it open; everybody else's server is himself."""
    (folder / "diary").touch()
    server = EmbeddedPostgres(folder, cache_folder())

    if os.geteuid() == 0:
        with pytest.raises(FolderBlocked):
            server.start()
    else:
        server.start()
        server.stop()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_a_strict_umask_shuts_nobody_out(folder: Path) -> None:
    """Folders made on the way to the data can be passed by a server without rights."""
    folder.chmod(0o755)
    os.umask(0o077)
    server = EmbeddedPostgres(folder / "new" / "data", cache_folder())
    server.start()

    assert await answer(server.url, "SELECT 1") == 1
    server.stop()


def test_what_initdb_complains_of_is_told(folder: Path) -> None:
    folder.chmod(0o755)
    binaries = folder / "bin"
    binaries.mkdir()
    (binaries / "initdb").write_text("#!/bin/sh\necho no room >&2\nexit 1\n", encoding="ascii")
    (binaries / "initdb").chmod(0o755)

    with pytest.raises(PostgresNotStarted, match="no room"):
        EmbeddedPostgres(folder / "data", cache_folder(), binaries=binaries).start()


def test_binaries_out_of_reach_are_copied_once(folder: Path) -> None:
    """Whole, with the libraries beside them, and open to whoever runs the server."""
    folder.chmod(0o755)
    home = folder / "home"
    package = home / "embedded_postgres"
    (package / "pginstall/bin").mkdir(parents=True)
    (home / "embedded_postgres.libs").mkdir()
    (package / "pginstall/bin/postgres").touch(mode=0o700)
    home.chmod(0o700)

    copy = postgres_binaries._reachable(package, folder / "cache", SOMEBODY_ELSE)
    again = postgres_binaries._reachable(package, folder / "cache", SOMEBODY_ELSE)

    assert copy == again
    assert copy.is_relative_to(folder / "cache")
    assert (copy.parent / "embedded_postgres.libs").is_dir()
    assert stat.S_IMODE((copy / "pginstall/bin/postgres").stat().st_mode) == 0o755
    assert [path.name for path in (folder / "cache").iterdir() if path.name.startswith(".")] == []


def test_binaries_within_reach_stay_where_they_are(folder: Path) -> None:
    folder.chmod(0o755)
    package = folder / "embedded_postgres"
    (package / "pginstall/bin").mkdir(parents=True)

    assert postgres_binaries._reachable(package, folder / "cache", SOMEBODY_ELSE) == package


@pytest.mark.parametrize(
    ("environment", "root", "data", "cache"),
    [
        pytest.param({"HOME": "/root"}, True, "/var/lib/postroom", "/var/cache/postroom", id="root"),
        pytest.param({"HOME": "/u"}, False, "/u/.local/share/postroom", "/u/.cache/postroom", id="somebody"),
        pytest.param({"HOME": "/u", "XDG_DATA_HOME": "/d"}, False, "/d/postroom", "/u/.cache/postroom", id="by choice"),
    ],
)
def test_default_folders(environment: dict[str, str], root: bool, data: str, cache: str) -> None:
    folders = default_folders(environment, root=root)

    assert (str(folders.data), str(folders.cache)) == (data, cache)
