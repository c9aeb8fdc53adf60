"""An S3-compatible server on loopback, as a process of its own, and the requests that only an administrator makes."""

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from services.standalone.private_process import free_port

READY_SECONDS = 30


@dataclass(slots=True)
class S3Server:
    port: int
    process: subprocess.Popen[bytes]

    def url_of(self, bucket: str, prefix: str = "") -> str:
        """As POSTROOM_OBJECT_STORE_URL; the bucket is made."""
        self._request("PUT", bucket)
        return f"s3+http://some-id:some%2Fsecret@127.0.0.1:{self.port}/{bucket}{prefix}?region=us-east-1"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def _request(self, method: str, path: str) -> int:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{path}", method=method)
        with urllib.request.urlopen(request, timeout=5) as answer:
            return int(answer.status)

    def wait(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            try:
                self._request("GET", "moto-api/")
            except (urllib.error.URLError, ConnectionError):
                assert self.process.poll() is None, "the server ended"
                time.sleep(0.05)
            else:
                return
        raise AssertionError("the server did not start")


@contextmanager
def s3_server() -> Iterator[S3Server]:
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server = S3Server(port, process)
    try:
        server.wait()
        yield server
    finally:
        server.kill()
