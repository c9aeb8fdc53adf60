"""What deploys the services speaks of settings that exist, and of all that are needed: a renamed one is seen here."""

import base64
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from shared.runtime.setting_list import PREFIX, SETTINGS
from shared.runtime.settings import read_settings
from tests.servers.backends import REPOSITORY
from tests.servers.helm import pods, rendered

DEPLOY = REPOSITORY / "deploy"
SECRETS = {setting.name for setting in SETTINGS if setting.secret}
SERVICE_OF = {"api": "api", "tracker": "tracker", "senders": "dispatcher", "jobs": "dispatcher"}
GIVEN = {"SECRET": base64.b64encode(bytes(32)).decode(), "SMTP_URL": "smtp://relay:25", "SMS_URL": "http://gateway/"}

every_values = pytest.mark.parametrize("values", ["default", "minimal", "everything"])


def settings_named_in(file: str) -> set[str]:
    """Those set there: ``NAME:`` in YAML, ``NAME=`` in a Dockerfile."""
    return set(re.findall(r"(?m)\bPOSTROOM_([A-Z_]+)(?:=|: )", (DEPLOY / file).read_text(encoding="utf-8")))


def environment_of(values: str, role: str, folder: Path) -> dict[str, str]:
    """As the process would find it, with what each Secret would hold."""
    found = {}
    for entry in pods(rendered(values))[role]["spec"]["containers"][0]["env"]:
        name = entry["name"].removeprefix(PREFIX)
        secret = name.removesuffix("_FILE") if "value" in entry else name
        if secret not in SECRETS:
            found[entry["name"]] = entry["value"]
        elif "value" in entry:
            (folder / secret).write_text(GIVEN.get(secret, "given"))
            found[entry["name"]] = str(folder / secret)
        else:
            found[entry["name"]] = GIVEN.get(secret, "given")
    return found


@pytest.mark.parametrize("file", ["Dockerfile", "compose.yaml"])
def test_only_settings_that_exist_are_set(file: str) -> None:
    assert settings_named_in(file) - {setting.name for setting in SETTINGS} == set()


@pytest.mark.parametrize("service", ["api", "dispatcher", "tracker"])
def test_compose_gives_every_service_what_it_cannot_do_without(service: str) -> None:
    needed = import_module(f"services.{service}.app").NEEDED

    assert needed - settings_named_in("compose.yaml") == set()


@every_values
@pytest.mark.parametrize("role", sorted(SERVICE_OF))
def test_each_pod_is_given_settings_that_its_service_starts_with(values: str, role: str, tmp_path: Path) -> None:
    """No name that is not known, and none missing that is needed."""
    app = import_module(f"services.{SERVICE_OF[role]}.app")

    settings = read_settings(environment_of(values, role, tmp_path), app.NEEDED, getattr(app, "ONE_OF", ()))

    assert settings.secret == (bytes(32),)
    assert settings.tracker_url == "https://click.example.com"
    if role in ("senders", "jobs"):
        assert settings.dispatcher_roles == {"send" if role == "senders" else "jobs"}


@every_values
def test_a_migration_is_given_the_database(values: str, tmp_path: Path) -> None:
    settings = read_settings(environment_of(values, "migrate", tmp_path), frozenset({"DATABASE_URL"}))

    assert bool(settings.database_direct_url) == (values == "everything")


@every_values
def test_each_pod_holds_the_secrets_that_it_needs_and_no_other(values: str, tmp_path: Path) -> None:
    """The relay's password is with those who send alone, the store's with those who write files and serve them; no
    secret stands in a manifest.
    """

    def held(role: str) -> set[str]:
        return {
            name.removeprefix(PREFIX).removesuffix("_FILE") for name in environment_of(values, role, tmp_path)
        } & SECRETS

    every = {"DATABASE_URL", "BUS_URL", "SECRET"}
    files = {*every, "OBJECT_STORE_URL"}
    assert (held("api"), held("tracker"), held("jobs")) == (files, every, files)
    assert held("senders") == every | {"SMTP_URL"} | ({"SMS_URL"} if values == "everything" else set())
    assert held("migrate") <= {"DATABASE_URL", "DATABASE_DIRECT_URL"}


@pytest.mark.parametrize("role", [*sorted(SERVICE_OF), "migrate"])
def test_a_secret_given_as_a_file_is_mounted_where_the_setting_says(role: str) -> None:
    pod = pods(rendered("default"))[role]["spec"]
    [volume] = [it for it in pod["volumes"] if it["name"] == "secrets"]
    [mount] = [it for it in pod["containers"][0]["volumeMounts"] if it["name"] == "secrets"]
    items = [item["path"] for source in volume["projected"]["sources"] for item in source["secret"]["items"]]

    assert {f"{mount['mountPath']}/{path}" for path in items} == set(files_named(pod["containers"][0]["env"]).values())
    assert mount["readOnly"] is True


def files_named(env: list[Mapping[str, Any]]) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in env if entry["name"].endswith("_FILE")}


def test_the_secret_that_the_page_makes_has_every_key_that_pods_mount() -> None:
    """A pod whose Secret lacks a key never starts."""
    page = (REPOSITORY / "docs/how-to/run-on-kubernetes.md").read_text(encoding="utf-8")
    made = page.partition("kubectl create secret generic postroom ")[2].partition("\n\n")[0]
    volumes = [volume for pod in pods(rendered("minimal")).values() for volume in pod["spec"]["volumes"]]
    sources = [source["secret"] for volume in volumes for source in volume.get("projected", {}).get("sources", [])]
    mounted = {item["key"] for source in sources for item in source["items"]}

    assert {source["name"] for source in sources} == {"postroom"}
    assert set(re.findall(r"--from-literal=([A-Z_]+)=", made)) == mounted
