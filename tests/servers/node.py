"""Node.js for the tests, from a wheel; and what its package manager installs for a folder with a lock file."""

import hashlib
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

from tests.servers.backends import ServerMissing, cache_folder

_SECONDS: Final = 300.0

#: Node.js brings authorities of its own; those that this machine trusts beside them are here, in Debian's place.
_AUTHORITIES: Final = Path("/etc/ssl/certs/ca-certificates.crt")


def node() -> Path:
    """The program. Raises ServerMissing."""
    return _program("node")


@cache
def installed(source: Path) -> Path:
    """A copy of the folder with its ``node_modules``, kept for the next run. Raises ServerMissing."""
    digest = hashlib.sha256(b"".join((source / name).read_bytes() for name in ("package-lock.json", ".npmrc")))
    folder = cache_folder() / "node" / f"{source.name}-{digest.hexdigest()[:16]}"
    if not (folder / "installed").exists():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(source, folder)
        done = subprocess.run(
            [_program("npm"), "ci"],
            cwd=folder,
            check=False,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            env=_environment(),
        )
        if done.returncode != 0:
            raise ServerMissing(f"npm failed while installing what {source.name} needs: {done.stderr[-1000:]}")
        (folder / "installed").touch()
    for path in source.glob("*.js"):
        shutil.copy(path, folder)
    return folder


def _environment() -> dict[str, str]:
    trusted = {"NODE_EXTRA_CA_CERTS": str(_AUTHORITIES)} if _AUTHORITIES.exists() else {}
    return {**trusted, **os.environ}


def _program(name: str) -> Path:
    beside = Path(sys.executable).with_name(name)
    found = beside if beside.exists() else shutil.which(name, path=os.environ.get("PATH"))
    if found is None:
        raise ServerMissing("no Node.js: this helps: make dev")
    return Path(found)
