"""What `make release-check` makes without the internet, and that it says what it left out."""

import json
import re
import subprocess
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


def test_it_says_that_nobody_looked_for_known_holes(made: tuple[Path, str]) -> None:
    assert "left out: known holes" in made[1]
