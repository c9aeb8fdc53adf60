"""Servers of our own as children: without root's rights, on loopback, and gone when we are gone.

Start them from the main thread: the kernel ties the signal at the parent's death to the thread that forked.
"""

import ctypes
import os
import pwd
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from shared.runtime.clock import random_id

_PR_SET_PDEATHSIG = 1
_PORTS = range(10_240, 16_000)
_PORT_TRIES = 200
_SERVER_ACCOUNTS = ("postgres", "nobody")  # accounts that exist already: none is ever created


class FolderBlocked(Exception):
    """A folder on the way to our files does not let the server's user through, or us write."""

    def __init__(self, folder: Path, user: str, wanted: Path) -> None:
        super().__init__(f"{folder} keeps the user {user!r} away from {wanted}: open it, or name another folder")
        self.folder = folder


@dataclass(frozen=True, slots=True)
class User:
    """Whom a server runs as; ``drops`` when that is not who we are."""

    name: str
    uid: int
    gid: int
    drops: bool

    @classmethod
    def ourselves(cls) -> Self:
        return cls(str(os.geteuid()), os.geteuid(), os.getegid(), drops=False)


def server_user() -> User:
    """Ourselves; for root an account without rights, since Postgres refuses to run as root."""
    if os.geteuid() != 0:
        return User.ourselves()
    for name in _SERVER_ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return User(name, entry.pw_uid, entry.pw_gid, drops=True)
    raise LookupError(f"as root a server needs one of the accounts {_SERVER_ACCOUNTS} to run as")


def blocked_by(path: Path, user: User) -> Path | None:
    """The outermost existing folder at or above ``path`` that ``user`` may not pass."""
    for folder in reversed((path, *path.parents)):
        if folder.is_dir() and not _may_pass(folder, user):
            return folder
    return None


def _may_pass(folder: Path, user: User) -> bool:
    if not user.drops:
        return os.access(folder, os.X_OK)
    facts = folder.stat()
    if facts.st_uid == user.uid:
        return bool(facts.st_mode & stat.S_IXUSR)
    if facts.st_gid == user.gid:
        return bool(facts.st_mode & stat.S_IXGRP)
    return bool(facts.st_mode & stat.S_IXOTH)


def make_folders(path: Path, mode: int) -> None:
    """Those that are missing, each with ``mode`` whatever the umask. Raises FolderBlocked."""
    for folder in reversed([folder for folder in (path, *path.parents) if not folder.exists()]):
        try:
            folder.mkdir(exist_ok=True)
        except PermissionError as error:
            raise FolderBlocked(folder.parent, User.ourselves().name, path) from error
        folder.chmod(mode)


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago.

    Below those that systems give to outgoing connections, so that a server started again finds its port free.
    """
    for _ in range(_PORT_TRIES):
        port = _PORTS.start + random_id() % len(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"no free port in {_PORTS}")


def spawn(
    command: Sequence[str | Path],
    *,
    user: User,
    environment: Mapping[str, str],
    log: Path,
    folder: Path = Path("/"),
    farewell: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """A child in a session of its own, its output appended to ``log``; it gets ``farewell`` when we die."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            env=dict(environment),
            start_new_session=True,
            preexec_fn=dying_with_parent(farewell),  # noqa: PLW1509 - one call of libc, before any thread of ours locks
            user=user.uid if user.drops else None,
            group=user.gid if user.drops else None,
            extra_groups=[] if user.drops else None,
        )


def run(
    command: Sequence[str | Path], *, user: User, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[bytes]:
    """A command to its end, with its output."""
    return subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd="/",
        env=dict(environment),
        user=user.uid if user.drops else None,
        group=user.gid if user.drops else None,
        extra_groups=[] if user.drops else None,
    )


def dying_with_parent(farewell: signal.Signals) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(_PR_SET_PDEATHSIG, int(farewell))


def end(process: subprocess.Popen[bytes], farewell: signal.Signals, seconds: float) -> None:
    """Asks it to stop, waits, and kills its whole session when it takes longer than ``seconds``."""
    if process.poll() is None:
        process.send_signal(farewell)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """kill -9 for the process and whatever shares its session, at once and without a last word."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
