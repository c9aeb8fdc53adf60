"""The parameters of a call to ``/job``, read by name: what is missing, wrong or unknown is said by its name. Pure.

Absent is also what some clients send for it: null, false and the empty text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shared.domain.addresses import read_email
from shared.domain.identifiers import INT63_MAX
from shared.domain.read_subscriber_query import read_query
from shared.domain.refusal import Fault, Refused
from shared.domain.subscriber_query import lists_named
from shared.domain.write_subscriber_query import to_json

#: The numbers of refusals, as the existing clients know them.
UNSUPPORTED: Final = 1
MISSING: Final = 2  #: or invalid
UNKNOWN_KEY: Final = 3
BAD_SIGNATURE: Final = 5
UNEXPECTED: Final = 9
UNKNOWN_CAMPAIGN: Final = 13
UNKNOWN_LIST: Final = 15
BAD_DATE: Final = 18
TOO_MANY: Final = 43
OTHER: Final = 99

LONGEST_NAME: Final = 255
MOST_UPLOADED: Final = 10_485_760  #: bytes of a file

_NOTHING: Final[tuple[object, ...]] = (None, "", False)


@dataclass(slots=True)
class Given:
    """``params``: as they came; ``as_text``: of a form, where everything is text. ``file``: what was uploaded.

    Reading a parameter marks it as known; ``refusal`` then names all that nobody has read.
    """

    params: Mapping[str, Any]
    file: bytes | None = None
    as_text: bool = False
    faults: list[tuple[int, Fault]] = field(default_factory=list)
    _known: set[str] = field(default_factory=set)

    def value(self, name: str) -> Any | None:
        self._known.add(name)
        value = self.params.get(name)
        # By identity: 0 is a value.
        return None if any(value is nothing or value == "" for nothing in _NOTHING) else value

    def blame(self, name: str, message: str, code: int = OTHER) -> None:
        self.faults.append((code, Fault(name, message)))

    def text(self, name: str, longest: int = LONGEST_NAME) -> str | None:
        value = self.value(name)
        if value is None:
            return None
        if not isinstance(value, str) or len(value) > longest or not _is_line(value):
            self.blame(name, f"must be one line of text, at most {longest} characters", MISSING)
            return None
        return value

    def require(self, name: str, found: Any) -> Any:
        """``found``: what was read of it; None and not blamed yet: it is missing."""
        if found is None and all(fault.field.partition(".")[0] != name for _, fault in self.faults):
            self.blame(name, f"Missing required parameter: {name}", MISSING)
        return found

    def whole(self, name: str) -> int | None:
        """A whole number from 1: an id."""
        value = self.value(name)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
            value = int(value)
        if value is None or (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= INT63_MAX):
            return value
        self.blame(name, "must be a whole number from 1", MISSING)
        return None

    def mapping(self, name: str) -> dict[str, Any] | None:
        value = self.value(name)
        if value == []:  # PHP writes an empty object so
            return {}
        if value is None or isinstance(value, dict):
            return value
        self.blame(name, "must be an object", MISSING)
        return None

    def email(self, name: str) -> str | None:
        text = self.text(name, 320)
        address = read_email(text) if text is not None else None
        if isinstance(address, Fault):
            self.blame(name, "is not an email address", MISSING)
            return None
        return address

    def query(self, name: str) -> tuple[dict[str, Any], tuple[str, ...]] | None:
        """In the form it is stored in, and the lists that it names."""
        given = self.value(name)
        if given is None:
            return None
        found = read_query(given, as_text=self.as_text)
        if isinstance(found, list):
            for each in found:
                self.blame(f"{name}.{each.field}" if each.field else name, each.message)
            return None
        return to_json(found), lists_named(found)

    def refusal(self) -> Refused | None:
        """With the number of the first fault, and all of them."""
        unknown = [(OTHER, Fault(name, "is not a known parameter")) for name in self.params if name not in self._known]
        if self.file is not None and "file" not in self._known:
            unknown.append((OTHER, Fault("file", "is not a known parameter")))
        faults = [*self.faults, *unknown]
        return Refused("invalid", tuple(fault for _, fault in faults), code=faults[0][0]) if faults else None


def _is_line(value: str) -> bool:
    return value.isprintable() and bool(value.strip())
