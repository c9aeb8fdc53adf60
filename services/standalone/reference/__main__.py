"""Writes the pages of the reference that come from the code: `.venv/bin/python -m services.standalone.reference`."""

import sys
from pathlib import Path

from services.standalone.reference.pages import PAGES


def main(folder: Path) -> None:
    for name, write in PAGES.items():
        (folder / name).write_text(write(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/reference"))
