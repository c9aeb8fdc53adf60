"""The image and the files around it, by the tools that know them; and what they are relied on for."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from yamllint import linter
from yamllint.config import YamlLintConfig

from tests.servers.backends import REPOSITORY
from tests.servers.helm import CHART, EXAMPLES

DEPLOY = REPOSITORY / "deploy"
DOCKERFILE = DEPLOY / "Dockerfile"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
HADOLINT = Path(sys.executable).with_name("hadolint")
RULES = YamlLintConfig((DEPLOY / "yamllint.yaml").read_text(encoding="utf-8"))
YAML = sorted(path for path in DEPLOY.rglob("*.yaml") if CHART / "templates" not in path.parents)


def instructions(name: str) -> list[str]:
    text = DOCKERFILE.read_text(encoding="utf-8").replace("\\\n", " ")
    return [line.removeprefix(name).strip() for line in text.splitlines() if line.startswith(f"{name} ")]


def test_hadolint_finds_nothing_to_complain_of() -> None:
    ran = subprocess.run([HADOLINT, DOCKERFILE], capture_output=True, text=True, timeout=60, check=False)

    assert (ran.returncode, ran.stdout) == (0, "")


def test_hadolint_looks(tmp_path: Path) -> None:
    shutil.copy(DOCKERFILE, tmp_path / "Dockerfile")
    with (tmp_path / "Dockerfile").open("a") as file:
        file.write("\nRUN cd /tmp && sudo ls\n")
    ran = subprocess.run([HADOLINT, tmp_path / "Dockerfile"], capture_output=True, text=True, timeout=60, check=False)

    assert ran.returncode == 1
    assert "sudo" in ran.stdout


@pytest.mark.parametrize("path", YAML, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_yamllint_finds_nothing_to_complain_of(path: Path) -> None:
    found = [str(problem) for problem in linter.run(path.read_text(encoding="utf-8"), RULES)]

    assert found == []


def test_the_image_is_built_of_what_is_locked_and_runs_as_nobody_in_particular() -> None:
    """Two stages; packages by their hashes; SIGTERM reaches the process itself, as no shell stands before it."""
    installs = [line for line in instructions("RUN") if "pip install" in line]

    assert len(instructions("FROM")) == 2
    assert ["--require-hashes" in line or "--no-index --no-deps" in line for line in installs] == [True] * len(installs)
    assert instructions("USER") == ["10001:10001"]
    assert instructions("ENTRYPOINT") == ['["postroom"]']
    assert instructions("STOPSIGNAL") == ["SIGTERM"]


def test_the_ports_of_the_image_are_those_of_the_chart() -> None:
    parts = (CHART / "templates" / "_parts.tpl").read_text(encoding="utf-8")
    stated = dict(re.findall(r'POSTROOM_([A-Z]+)_PORT, value: "(\d+)"', parts))

    assert set(instructions("EXPOSE")[0].split()) == set(stated.values())


def test_the_chart_brings_the_version_of_the_project() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert chart["version"] == chart["appVersion"] == project["version"]


def test_compose_runs_all_roles_and_what_they_stand_on() -> None:
    services = COMPOSE["services"]

    assert services.keys() == {"postgres", "rabbitmq", "mailpit", "migrate", "api", "dispatcher", "tracker"}
    assert services["rabbitmq"]["image"] == "rabbitmq:4"
    for role in ("migrate", "api", "dispatcher", "tracker"):
        assert services[role]["command"] == [role]
        assert services[role]["read_only"] is True
        assert services[role]["cap_drop"] == ["ALL"]


def test_the_examples_of_operators_make_the_secrets_that_the_values_ask_for() -> None:
    """CloudNativePG makes NAME-app with the key uri, the RabbitMQ operator NAME-default-user with connection_string."""
    values = yaml.safe_load((EXAMPLES / "values-everything.yaml").read_text(encoding="utf-8"))
    postgres = yaml.safe_load((EXAMPLES / "postgres.yaml").read_text(encoding="utf-8"))
    rabbitmq = yaml.safe_load((EXAMPLES / "rabbitmq.yaml").read_text(encoding="utf-8"))
    references = values["secrets"]["references"]

    assert (postgres["apiVersion"], postgres["kind"]) == ("postgresql.cnpg.io/v1", "Cluster")
    assert (rabbitmq["apiVersion"], rabbitmq["kind"]) == ("rabbitmq.com/v1beta1", "RabbitmqCluster")
    assert references["DATABASE_URL"] == {"name": f"{postgres['metadata']['name']}-app", "key": "uri"}
    assert references["BUS_URL"] == {
        "name": f"{rabbitmq['metadata']['name']}-default-user",
        "key": "connection_string",
    }
    assert postgres["spec"]["instances"] == rabbitmq["spec"]["replicas"] == 3
