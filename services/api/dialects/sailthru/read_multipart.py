"""Reads a ``multipart/form-data`` body (RFC 7578) as the clients of Sailthru write it. Pure.

A part named ``file`` is a file, whatever else is said of it: its name and type are ignored. The last line may lack its
end. All else is text in UTF-8.
"""

import re
from dataclasses import dataclass
from typing import Final

from services.api.parse_form import MOST_FIELDS
from shared.domain.refusal import Fault

FILE: Final = "file"

_NAME: Final = re.compile(rb'(?i)[;\s]name\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))')
_ENCODING: Final = re.compile(rb"(?im)^content-transfer-encoding:\s*(\S+)")
_LONGEST_HEAD: Final = 8_192
_LONGEST_BOUNDARY: Final = 200
_AS_IT_IS: Final = (b"binary", b"8bit", b"7bit")


@dataclass(frozen=True, slots=True)
class Multipart:
    """``pairs``: names and values in their order."""

    pairs: list[tuple[str, str]]
    file: bytes | None


def read_multipart(boundary: str, body: bytes) -> Multipart | Fault:
    if not 1 <= len(boundary) <= _LONGEST_BOUNDARY:
        return Fault("", "the body names no boundary")
    # The delimiter is a line of its own; the first may begin the body.
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary.encode("latin-1", "replace"), MOST_FIELDS + 2)
    if len(parts) > MOST_FIELDS + 2:
        return Fault("", f"more than {MOST_FIELDS} fields")
    if len(parts) < 2 or not parts[-1].startswith(b"--"):
        return Fault("", "the body has no end")
    found = Multipart([], None)
    for part in parts[1:-1]:
        added = _add(found, part)
        if isinstance(added, Fault):
            return added
        found = added
    return found


def _add(found: Multipart, part: bytes) -> Multipart | Fault:
    # Spaces may stand behind the boundary; a part without any header begins with an empty line.
    line, _, rest = part.partition(b"\r\n")
    if line.strip(b" \t"):
        return Fault("", "a part of the body does not begin behind its boundary")
    end = (b"\r\n" + rest[:_LONGEST_HEAD]).find(b"\r\n\r\n")
    if end < 0:
        return Fault("", "a part of the body has no header")
    head, content = rest[: max(0, end - 2)], rest[end + 2 :]
    name = _name_in(head)
    if name is None:
        return Fault("", "a part of the body has no name")
    encoding = _ENCODING.search(head)
    if encoding and encoding[1].lower() not in _AS_IT_IS:
        return Fault(name, "must be sent as it is")
    if name == FILE:
        return Multipart(found.pairs, content) if found.file is None else Fault(FILE, "is given twice")
    try:
        found.pairs.append((name, content.decode()))
    except UnicodeDecodeError:
        return Fault(name, "is not UTF-8")
    return found


def _name_in(head: bytes) -> str | None:
    for line in head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ").split(b"\r\n"):
        field, _, value = line.partition(b":")
        if field.strip().lower() == b"content-disposition" and (match := _NAME.search(value)):
            quoted, plain = match[1], match[2]
            name = re.sub(rb"\\(.)", rb"\1", quoted) if plain is None else plain
            return name.decode("utf-8", "replace") or None
    return None
