"""Which operation a request asks for. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from services.api.operation import Operation
from shared.domain.identifiers import INT63_MAX

_ID: Final = re.compile(r"[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Route:
    """One path and its operations by method; GET serves HEAD too."""

    segments: tuple[str, ...]
    operations: dict[str, Operation[Any, Any]]

    @property
    def path(self) -> str:
        return "/" + "/".join(self.segments)

    @property
    def allowed(self) -> list[str]:
        return sorted({*self.operations, *(["HEAD"] if "GET" in self.operations else [])})

    def operation(self, method: str) -> Operation[Any, Any] | None:
        return self.operations.get("GET" if method == "HEAD" else method)


class Routes:
    def __init__(self, operations: Iterable[Operation[Any, Any]]) -> None:
        self.operations = tuple(operations)
        self._by_shape: dict[tuple[int, str], list[Route]] = {}  #: number of segments, and the first, which is no id
        for operation in self.operations:
            self._route_of(operation).operations[operation.method] = operation

    def find(self, path: str) -> tuple[Route, tuple[int, ...]] | None:
        """The route and the ids in the path; None: no such resource."""
        given = path.split("/")[1:]
        for route in self._by_shape.get((len(given), "".join(given[:1])), ()):
            ids = _ids(route.segments, given)
            if ids is not None:
                return route, ids
        return None

    def _route_of(self, operation: Operation[Any, Any]) -> Route:
        segments = tuple(operation.path.split("/")[1:])
        routes = self._by_shape.setdefault((len(segments), segments[0]), [])
        found = next((route for route in routes if route.segments == segments), None)
        if found is None:
            found = Route(segments, {})
            routes.append(found)
        return found


def _ids(segments: tuple[str, ...], given: list[str]) -> tuple[int, ...] | None:
    ids = []
    for segment, text in zip(segments, given, strict=True):
        if not segment.startswith("{"):
            if segment != text:
                return None
        elif _ID.fullmatch(text) and int(text) <= INT63_MAX:
            ids.append(int(text))
        else:
            return None
    return tuple(ids)
