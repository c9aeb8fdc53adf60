"""A disk of a few megabytes that nobody else can see: to be filled up, and emptied again.

A tmpfs in a mount namespace that a process of ours holds; everybody reaches it by way of that process. It needs no root
where the kernel lets users have namespaces of their own, as Debian's does.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from services.standalone.private_process import User, end, run, spawn
from tests.servers.backends import ServerMissing

_SECONDS: Final = 20.0
_HOLD: Final = """
mount -t tmpfs -o size="$1",mode=0700 tmpfs "$2" && mkdir -m 700 "$2/disk" && touch "$2/ready" && exec sleep infinity
"""
_PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"


class SmallDisk:
    """``path``: an empty folder on it, which is gone with this object."""

    def __init__(self, folder: Path, user: User, size: int) -> None:
        """``folder``: the mount point, which ``user`` can reach. ``size``: in bytes. Raises ServerMissing."""
        private = ["unshare", "--user", "--map-current-user", "--keep-caps", "--mount"]
        log = folder.with_suffix(".log")
        command: list[str | Path] = [*private, "sh", "-c", _HOLD, "hold", str(size), folder]
        self._user = user
        self._holder = spawn(command, user=user, environment={"PATH": _PATH}, log=log)
        self.path = Path(f"/proc/{self._holder.pid}/root{folder}/disk")
        ready = self.path.with_name("ready")
        deadline = time.monotonic() + _SECONDS
        while not ready.exists():
            if self._holder.poll() is not None or time.monotonic() > deadline:
                raise ServerMissing(f"no small disk is to be had: {log.read_text(errors='replace').strip()}")
            time.sleep(0.01)

    @contextmanager
    def full(self) -> Iterator[None]:
        """Not a byte more goes on it."""
        ballast = self.path.with_name("ballast")
        self.run("dd", "if=/dev/zero", f"of={ballast}", "bs=4096")
        try:
            yield
        finally:
            self.run("rm", ballast)

    def run(self, *command: str | Path) -> None:
        """As its user, the only one who can make anything on it."""
        run(command, user=self._user, environment={"PATH": _PATH, "LC_ALL": "C"})

    def close(self) -> None:
        end(self._holder, signal.SIGKILL, _SECONDS)


@contextmanager
def mounted(folder: Path, user: User, size: int) -> Iterator[SmallDisk]:
    """At a folder that is not there yet; see SmallDisk."""
    folder.mkdir()
    if user.drops:
        os.chown(folder, user.uid, user.gid)
    disk = SmallDisk(folder, user, size)
    try:
        yield disk
    finally:
        disk.close()
