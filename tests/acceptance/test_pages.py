"""What the pages tell readers to type is typed: their blocks of `sh run`, page by page, at a real `postroom up`."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.postroom_process import ROOT, Up, clean_environment, up
from tests.pages import Page, blocks, every_page

SECONDS = 60
SHELL = ROOT / "docs/quick-start.md"  #: its first block makes the names that all pages use


def runnable(page: Page) -> list[str]:
    return [block.text for block in blocks(page.text) if block.info == "sh run"]


#: The quick start has a test of its own.
PAGES = [page for page in every_page() if runnable(page) and page.path != SHELL]


@pytest.fixture(scope="module")
def running() -> Iterator[Up]:
    with up() as postroom:
        yield postroom


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path.stem)
def test_a_reader_who_types_what_the_page_says_gets_through(page: Page, running: Up, tmp_path: Path) -> None:
    """Any command that fails ends the shell, in the middle of a pipe as well; a refusal by the API is one."""
    (tmp_path / "ready.json").write_text(json.dumps(dict(running.ready)), encoding="utf-8")
    shell = runnable(Page(SHELL, SHELL.read_text(encoding="utf-8")))[0]
    script = "\n".join([shell, *(text for text in runnable(page) if text != shell)])

    done = typed(script, tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_page_that_is_wrong_would_be_seen(running: Up, tmp_path: Path) -> None:
    (tmp_path / "ready.json").write_text(json.dumps(dict(running.ready)), encoding="utf-8")
    shell = runnable(Page(SHELL, SHELL.read_text(encoding="utf-8")))[0]

    done = typed(f"{shell}\ncall GET /task/999999 | field id\n", tmp_path)

    assert done.returncode != 0
    assert "404" in done.stderr


def test_the_quick_start_shows_what_it_says(running: Up, tmp_path: Path) -> None:
    """Two accepted, and Ada's mail in the inbox."""
    (tmp_path / "ready.json").write_text(json.dumps(dict(running.ready)), encoding="utf-8")

    told = typed("\n".join(runnable(Page(SHELL, SHELL.read_text(encoding="utf-8")))), tmp_path).stdout

    assert '"accepted":2' in told
    assert "Hello Ada, see http" in told


def typed(script: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    path = f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**clean_environment(), "PATH": path},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
