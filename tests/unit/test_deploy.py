"""What deploys the services speaks of settings that exist, and of all that are needed."""

import re
from importlib import import_module

import pytest

from shared.runtime.settings import SETTINGS
from tests.servers.backends import REPOSITORY

DEPLOY = REPOSITORY / "deploy"


def settings_named_in(file: str) -> set[str]:
    """Those set there: ``NAME:`` in YAML, ``NAME=`` in a Dockerfile."""
    return set(re.findall(r"(?m)\bPOSTROOM_([A-Z_]+)(?:=|: )", (DEPLOY / file).read_text(encoding="utf-8")))


@pytest.mark.parametrize("file", ["Dockerfile", "compose.yaml"])
def test_only_settings_that_exist_are_set(file: str) -> None:
    assert settings_named_in(file) - {setting.name for setting in SETTINGS} == set()


@pytest.mark.parametrize("service", ["api", "dispatcher", "tracker"])
def test_compose_gives_every_service_what_it_cannot_do_without(service: str) -> None:
    needed = import_module(f"services.{service}.app").NEEDED

    assert needed - settings_named_in("compose.yaml") == set()
