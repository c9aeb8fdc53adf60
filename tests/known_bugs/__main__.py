"""Prints the tests that catch the known bugs, as pytest calls them; ``--page``: writes the page that lists them."""

import sys

from tests.known_bugs.bugs import BUGS
from tests.known_bugs.page import write_page

if "--page" in sys.argv:
    write_page()
else:
    sys.stdout.write(" ".join(dict.fromkeys(bug.node for bug in BUGS)) + "\n")
