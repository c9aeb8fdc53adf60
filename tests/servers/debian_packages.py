"""Debian packages unpacked into a folder: no root, nothing installed, the system's package state untouched."""

import platform
import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from services.standalone.postgres_binaries import open_to_all
from services.standalone.private_process import make_folders
from tests.servers.backends import ServerMissing

_SECONDS = 600  # for one command: a slow line, not a hanging one


def unpack(
    package: str,
    own: re.Pattern[str],
    cache: Path,
    relocate: Callable[[Path, Path], None] = lambda tree, target: None,
) -> Path:
    """The folder in which ``package`` and all it needs lie as they would under ``/``. Raises ServerMissing.

    Packages whose name matches ``own`` are taken also where the system has them, so that they lie together; of the
    others only what the system lacks. ``relocate`` gets the tree and the place it will move to. Whole or not there at
    all, also when two do it at once.
    """
    target = cache / f"{package}-{platform.freedesktop_os_release().get('VERSION_CODENAME', 'debian')}"
    if target.exists():
        return target
    make_folders(cache, 0o755)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".unpack-") as scratch:
        tree = Path(scratch, "tree")
        for archive in _download(_needed(package, own, Path(scratch)), Path(scratch)):
            _output("dpkg", "--extract", str(archive), str(tree))
        relocate(tree, target)
        open_to_all(tree)
        try:
            tree.rename(target)
        except OSError:
            if not target.exists():
                raise
    return target


def _needed(package: str, own: re.Pattern[str], scratch: Path) -> list[str]:
    """Everything in the closure of ``package`` that is its own or not on this system."""
    (scratch / "lists/partial").mkdir(parents=True)
    (scratch / "archives/partial").mkdir(parents=True)
    (scratch / "nothing-installed").touch()
    _apt(scratch, "update")
    closure = _apt(
        scratch,
        *("-o", f"Dir::State::Status={scratch}/nothing-installed"),
        *("--print-uris", "--yes", "--no-install-recommends", "install", package),
    )
    names = [line.split()[1].split("_", 1)[0] for line in closure.splitlines() if line.startswith("'")]
    installed = set(_output("dpkg-query", "--show", "--showformat", "${Package}\n").splitlines())
    return [name for name in names if own.fullmatch(name) or name not in installed]


def _download(names: list[str], scratch: Path) -> list[Path]:
    _apt(scratch, "download", *names)
    return sorted(scratch.glob("*.deb"))


def _apt(scratch: Path, *arguments: str) -> str:
    """apt-get with lists and archives of its own and the system's sources."""
    options = (
        f"Dir::State::Lists={scratch}/lists",
        f"Dir::Cache={scratch}",
        f"APT::Sandbox::User={_output('id', '-un').strip()}",
        "Debug::NoLocking=1",
    )
    flags = [part for option in options for part in ("-o", option)]
    return _output("apt-get", "-qq", *flags, *arguments, folder=scratch)


def _output(*command: str, folder: Path | None = None) -> str:
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=folder, timeout=_SECONDS
    )
    if done.returncode != 0:
        raise ServerMissing(f"{command[0]} failed while fetching a server for the tests: {done.stderr.strip()[-1000:]}")
    return done.stdout
