"""What `make release-check` makes without the internet, and that it says what it left out."""

import json
import re
import subprocess
import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RELEASE = f"postroom-{version('postroom')}"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder, and what was said."""
    folder = tmp_path_factory.mktemp("dist")
    command = [str(ROOT / "bin/release-check"), "--offline", "--into", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


def test_the_package_has_the_licence_and_what_it_needs_beside_code(made: tuple[Path, str]) -> None:
    names = set(zipfile.ZipFile(made[0] / f"{RELEASE}-py3-none-any.whl").namelist())

    assert f"{RELEASE}.dist-info/licenses/LICENSE" in names
    assert {"deploy/migrations/0001_event_store.sql", "services/dispatcher/sending/queries.sql"} <= names
    assert not [name for name in names if name.startswith(("tests/", "bench/"))]


def test_the_list_of_parts_names_every_locked_version(made: tuple[Path, str]) -> None:
    listed = json.loads((made[0] / f"{RELEASE}.cdx.json").read_text(encoding="utf-8"))
    locked = re.findall(r"(?m)^([a-z0-9][^ =]*)==([^ ;]*)", (ROOT / "requirements.lock").read_text(encoding="utf-8"))

    assert listed["bomFormat"] == "CycloneDX"
    assert listed["metadata"]["component"]["licenses"][0]["license"]["id"] == "Apache-2.0"
    assert {(part["name"], part["version"]) for part in listed["components"]} == set(locked)


def test_whoever_contributes_or_releases_finds_the_commands_that_check() -> None:
    """All of them are of the Makefile; the branches of the decisions are all to be taken."""
    makefile, project = (ROOT / "Makefile").read_text(), tomllib.loads((ROOT / "pyproject.toml").read_text())
    told = (ROOT / "CONTRIBUTING.md").read_text() + (ROOT / "docs/reference/versions.md").read_text()
    commands = set(re.findall(r"`make ([a-z-]+)`|^make ([a-z-]+)", told, re.MULTILINE))
    coverage = project["tool"]["coverage"]

    assert {"test", "lint", "unit", "coverage", "release-check"} <= {name for pair in commands for name in pair}
    assert [name for pair in commands for name in pair if name and f"\n{name}:" not in makefile] == []
    assert (coverage["run"]["branch"], coverage["report"]["fail_under"]) == (True, 100)
    assert set(coverage["run"]["include"]) == {"services/*/decisions/*", "shared/domain/*"}


@pytest.mark.parametrize("name", ["CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md", "LICENSE"])
def test_what_a_release_promises_is_written_down(name: str) -> None:
    assert len((ROOT / name).read_text(encoding="utf-8")) > 500


def test_it_says_that_nobody_looked_for_known_holes(made: tuple[Path, str]) -> None:
    assert "left out: known holes" in made[1]
