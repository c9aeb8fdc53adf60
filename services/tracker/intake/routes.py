"""Which answer a path asks for: ``/name`` alone, or ``/name/{token}``. Pure."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from aiohttp import web

Answerer = Callable[[web.BaseRequest, str], Awaitable[web.StreamResponse]]

TOKEN: Final = "/{token}"  # noqa: S105 - where it stands in a path


@dataclass(frozen=True, slots=True)
class Route:
    """``by_method``: what answers, given what stands for ``{token}``; GET answers HEAD too."""

    path: str
    by_method: Mapping[str, Answerer]

    def answerer(self, method: str) -> Answerer | None:
        return self.by_method.get("GET" if method == "HEAD" else method)

    @property
    def allowed(self) -> list[str]:
        return sorted({*self.by_method, *(["HEAD"] if "GET" in self.by_method else [])})


class Routes:
    def __init__(self, routes: Iterable[Route]) -> None:
        self._by_path = {route.path: route for route in routes}

    def find(self, path: str) -> tuple[Route, str] | None:
        """``path``: as it came, without its query. The route and the token; None: there is nothing."""
        before, _, token = path.rpartition("/")
        if before and token and (route := self._by_path.get(before + TOKEN)):
            return route, unquote(token) if "%" in token else token
        route = self._by_path.get(path)
        return (route, "") if route else None
