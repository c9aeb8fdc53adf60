"""A real browser for the tests: Debian's Chromium, the system's own or unpacked into the cache, without a window.

It runs as whoever runs the tests, root or not, with an empty profile, and what it opens lies on loopback.
"""

import asyncio
import os
import re
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from tests.servers.backends import ServerMissing, cache_folder, debian_tools
from tests.servers.debian_packages import unpack

START_SECONDS: Final = 30.0

_SYSTEM: Final = Path("/usr/bin/chromium")
_OWN: Final = re.compile(r"chromium(-common)?")
_HELP: Final = "no browser: this helps, as root: apt-get install chromium"
_FLAGS: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-extensions", "--no-proxy-server", "--hide-scrollbars", "--window-size=1100,900"),
    # Any free port, which it writes into its profile.
    "--remote-debugging-port=0",
)


@dataclass(frozen=True, slots=True)
class Chromium:
    """``tree``: where its package was unpacked; None: it is installed."""

    program: Path
    tree: Path | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """The url of its DevTools, as ``ws://``."""
        with tempfile.TemporaryDirectory(prefix="postroom-browser-", ignore_cleanup_errors=True) as folder:
            profile = Path(folder)
            with (profile / "log").open("wb") as log:
                process = await asyncio.create_subprocess_exec(
                    self.program,
                    *_FLAGS,
                    f"--user-data-dir={profile}",
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=self._environment(profile),
                    start_new_session=True,
                )
            try:
                yield await _devtools(process, profile)
            finally:
                # Its helpers are of its session, and go with it.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()

    def _environment(self, home: Path) -> dict[str, str]:
        environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
        if self.tree is not None:
            libraries = sorted({str(path.parent) for path in (self.tree / "usr/lib").rglob("*.so*")})
            environment["LD_LIBRARY_PATH"] = ":".join(libraries)
            if not Path("/etc/fonts/fonts.conf").exists():
                environment["FONTCONFIG_PATH"] = str(self.tree / "etc/fonts")
        return environment


@cache
def find_chromium() -> Chromium:
    """The system's, else Debian's package unpacked. Raises ServerMissing."""
    if _SYSTEM.exists():
        return Chromium(_SYSTEM)
    if not debian_tools():
        raise ServerMissing(_HELP)
    tree = unpack("chromium", _OWN, cache_folder())
    program = tree / "usr/lib/chromium/chromium"
    if not program.exists():
        raise ServerMissing(_HELP)
    return Chromium(program, tree)


async def _devtools(process: asyncio.subprocess.Process, profile: Path) -> str:
    written = profile / "DevToolsActivePort"
    with suppress(TimeoutError):
        async with asyncio.timeout(START_SECONDS):
            while process.returncode is None:
                lines = written.read_text().split() if written.exists() else []
                if len(lines) == 2:
                    return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
                await asyncio.sleep(0.02)
    raise ServerMissing(f"the browser did not start:\n{(profile / 'log').read_text(errors='replace')[-2_000:]}")
