"""Where a job takes its people from: one of several parameters, and only one. Pure."""

from collections.abc import Sequence
from typing import Any

from services.api.resources.job.given import MISSING, Given

LONGEST_URL = 2_048


def read_source(given: Given, names: Sequence[str]) -> str | None:
    """The one that was given, of ``names``. An uploaded file goes before what else is said of one."""
    said: dict[str, Any] = {name: given.value(name) for name in names}
    if given.file is not None and "file" in said:
        said["file"] = given.file
    elif said.get("file") is not None:
        # What some clients leave there is a path on their own disk.
        given.blame("file", "must be uploaded, as the part named file of a multipart body", MISSING)
    found = [name for name, value in said.items() if value is not None]
    *others, last = names
    choice = f"{', '.join(others)} or {last}"
    if not found:
        given.blame("", f"Missing required parameter: {choice}", MISSING)
    elif len(found) > 1:
        given.blame("", f"only one of {choice} may be given, not {' and '.join(found)}", MISSING)
    return found[0] if len(found) == 1 else None


def read_emails(given: Given) -> bytes | None:
    """Addresses parted by commas, or an array of them: one a line. What is none is the fault of its line."""
    value = given.value("emails")
    listed = value.split(",") if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        given.blame("emails", "must be addresses parted by commas", MISSING)
        return None
    lines = [" ".join(each.split()) for each in listed if each.strip()]
    if not lines:
        given.blame("emails", "names nobody", MISSING)
    return "\n".join(lines).encode("utf-8", "replace")


def read_lines(given: Given, source: str | None) -> bytes | None:
    """What was sent with the call itself; None: nothing was."""
    if source == "emails":
        return read_emails(given)
    return given.file if source == "file" else None


def read_url(given: Given, source: str | None) -> str | None:
    return given.text("url", LONGEST_URL) if source == "url" else None
