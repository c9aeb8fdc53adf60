"""What the pages are made up with: three files, read once, named by nothing from elsewhere."""

from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).with_name("static")
_TYPES: Final = {
    "console.css": "text/css; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}

#: Content type and bytes, by path.
STATIC: Final = {f"/console/static/{name}": (kind, (_FOLDER / name).read_bytes()) for name, kind in _TYPES.items()}
