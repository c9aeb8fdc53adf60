"""Servers in containers, for machines with a Docker engine. The reaper of testcontainers removes them at the end."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from services.standalone.private_process import free_port
from tests.servers.answers import amqp_answers, postgres_answers

POSTGRES_IMAGE = "postgres:18"
RABBITMQ_IMAGE = "rabbitmq:4"
_START_SECONDS = 180.0


class DockerServer:
    """One container on one port of this machine; its data live as long as the container."""

    def __init__(self, container: Any, url: str, answers: Callable[[], bool]) -> None:
        self.url = url
        self._container = container
        self._answers = answers
        self._created = False

    def launch(self) -> None:
        if self._created:
            self._container.get_wrapped_container().start()
        else:
            self._container.start()
            self._created = True

    def start(self) -> None:
        self.launch()
        self.wait()

    def wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.url} did not answer within {_START_SECONDS:.0f} s")
            time.sleep(0.1)

    def stop(self) -> None:
        self._container.get_wrapped_container().stop()

    def kill(self) -> None:
        self._container.get_wrapped_container().kill()


def docker_postgres(settings: Mapping[str, str]) -> DockerServer:
    port = free_port()
    command = ["postgres", "-c", "max_connections=200"]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    container = _container(POSTGRES_IMAGE, 5432, port)
    container.with_env("POSTGRES_USER", "postroom").with_env("POSTGRES_PASSWORD", "postroom").with_command(command)
    url = f"postgresql://postroom:postroom@127.0.0.1:{port}/postroom?sslmode=disable"
    return DockerServer(container, url, lambda: postgres_answers(port, "postroom"))


def docker_rabbitmq() -> DockerServer:
    port = free_port()
    container = _container(RABBITMQ_IMAGE, 5672, port)
    return DockerServer(container, f"amqp://guest:guest@127.0.0.1:{port}/", lambda: amqp_answers(port))


def _container(image: str, inner: int, outer: int) -> Any:
    from testcontainers.core.container import DockerContainer  # only where there is an engine

    return DockerContainer(image).with_bind_ports(inner, outer)
