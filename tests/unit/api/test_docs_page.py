"""The page of the API's description needs nothing but the API."""

import re
from pathlib import Path

from services.api import app


def test_the_page_loads_nothing_from_elsewhere() -> None:
    """Every address in it is a path of this API, and what it fetches is there."""
    page = Path(app.__file__).with_name("docs.html").read_text(encoding="utf-8")
    addresses = re.findall(r"""(?:src|href)\s*=\s*["']?([^"'\s>]+)|fetch\(["']([^"']+)|url\(([^)]+)\)""", page)

    assert {address for found in addresses for address in found if address} == {"/openapi.json"}
    assert "//" not in page.replace("// ", "")
