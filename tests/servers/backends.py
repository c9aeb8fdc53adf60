"""Where a server for the tests comes from: the first of given URL, Docker, local binaries, unpacked packages."""

import gc
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Generic, Literal, Protocol, TypeVar

from services.standalone.private_process import blocked_by, server_user

REPOSITORY = Path(__file__).resolve().parents[2]

Kind = Literal["url", "docker", "local", "unpack"]

_IN_MEMORY = Path("/dev/shm")
_ROOM = 4 << 30  #: bytes that must be free there: a server for each process of the tests, and their logs of writes


class ServerMissing(Exception):
    """There is no way to a server here; the message names the commands that would help."""


class Server(Protocol):
    """A server on one port and one set of data, which survive ``stop`` and ``kill``. For the main thread."""

    @property
    def url(self) -> str: ...

    def start(self) -> None:
        """Returns when it can be used."""

    def stop(self) -> None: ...

    def kill(self) -> None:
        """kill -9; ``start`` begins again on the same data and port."""


class Broker(Server, Protocol):
    """A server that is slow to start, so it is launched before it is needed."""

    def launch(self) -> None: ...

    def wait(self) -> None:
        """Returns when it can be used."""


S_co = TypeVar("S_co", bound=Server, covariant=True)


@dataclass(frozen=True, slots=True)
class Offer(Generic[S_co]):
    """One way to a server."""

    kind: Kind
    #: what would be used here, in a few words; None: not to be had
    describe: Callable[[], str | None]
    #: a server not yet started; its data go into the folder
    make: Callable[[Path], S_co]


def choose(offers: Sequence[Offer[S_co]], forced: str | None, help_text: str, *, ours: bool = False) -> Offer[S_co]:
    """The first offer that is to be had, of the kind ``forced`` if one is. Raises ServerMissing.

    ``ours``: a server that nobody else uses, to be stopped and killed at will; so none that was given by URL.
    """
    if ours:
        offers = [offer for offer in offers if offer.kind != "url"]
        forced = None if forced == "url" else forced
    wanted = [offer for offer in offers if forced in (None, offer.kind)]
    for offer in wanted:
        if offer.describe() is not None:
            return offer
    tried = ", ".join(offer.kind for offer in wanted) or f"TEST_BACKEND={forced}, which is none of ours"
    raise ServerMissing(f"none of these was to be had: {tried}\n{help_text}")


class GivenServer:
    """Somebody else's server: used, but neither started nor stopped."""

    def __init__(self, url: str) -> None:
        self.url = url

    def launch(self) -> None: ...

    def wait(self) -> None: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def kill(self) -> None:
        raise NotImplementedError("a server that was given by URL is not ours to kill")


@cache
def docker_answers() -> bool:
    """Whether an engine answers within two seconds; a client on the PATH proves nothing."""
    import docker  # a third of a second that unit tests need not pay

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the client leaves its socket open when nobody answers
        try:
            return bool(docker.from_env(timeout=2).ping())
        except docker.errors.DockerException:
            pass
        gc.collect()
    return False


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where unpacked packages stay between runs; for root a place that a server without rights can reach."""
    folder = Path(environment.get("TEST_CACHE") or REPOSITORY / ".cache")
    if blocked_by(folder, server_user()) is None:
        return folder
    return Path("/var/cache/postroom/tests")


def debian_tools() -> bool:
    return all(shutil.which(tool) for tool in ("apt-get", "dpkg", "dpkg-query"))


def data_folder(memory: Path = _IN_MEMORY, room: int = _ROOM) -> Path:
    """A new folder for a server's data: in memory where there is room, since a database a test is mostly files made
    and removed, which costs a disk's file system ten times as much.
    """
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= room
    return Path(tempfile.mkdtemp(prefix="postroom-test-", dir=memory if roomy else None))


@contextmanager
def made(offer: Offer[S_co]) -> Iterator[S_co]:
    """The server of an offer, not yet started; stopped and its data removed at the end."""
    folder = data_folder()
    try:
        server = offer.make(folder)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
