"""``promtool`` of Debian's Prometheus: reads rules as the server does, and lets hours pass in no time."""

import re
import subprocess
from pathlib import Path

from tests.servers.backends import cache_folder
from tests.servers.debian_packages import unpack


def promtool(*arguments: str | Path) -> str:
    """What it says. Raises AssertionError, with that, when it finds a fault; ServerMissing when it is not to be had."""
    tree = unpack("prometheus", re.compile("prometheus"), cache_folder())
    command = [tree / "usr/bin/promtool", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
