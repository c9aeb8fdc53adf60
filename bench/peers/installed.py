"""Pythons with what a peer needs, each made once and kept in the cache beside the servers of the tests."""

import hashlib
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.servers.backends import cache_folder

_SECONDS: Final = 300.0


def python_with(packages: Sequence[str]) -> Path:
    """The interpreter of a virtual environment that holds these (``name==version``) and what they need.

    Raises CalledProcessError where they cannot be had.
    """
    digest = hashlib.sha256("\n".join((sys.version, *packages)).encode()).hexdigest()[:16]
    folder = cache_folder() / "peers" / digest
    python = folder / "bin" / "python"
    if not (folder / "installed").exists():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
        subprocess.run(command, check=True, timeout=_SECONDS)
        (folder / "installed").touch()
    return python
