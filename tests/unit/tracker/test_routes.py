"""Which answer a path of the tracker asks for."""

import pytest
from aiohttp import web

from services.tracker.intake.routes import Route, Routes


async def answer(_: web.BaseRequest, said: str) -> web.Response:
    return web.Response(text=said)


OPEN = Route("/o/{token}", {"GET": answer})
FORM = Route("/u/{token}", {"GET": answer, "POST": answer})
HEALTH = Route("/healthz", {"GET": answer})
ROUTES = Routes([OPEN, FORM, HEALTH])


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/o/abc", (OPEN, "abc")),
        ("/o/a%2db", (OPEN, "a-b")),
        ("/o/a%2Fb", (OPEN, "a/b")),
        ("/o/%", (OPEN, "%")),
        ("/o/%ff", (OPEN, "\ufffd")),
        ("/u/x", (FORM, "x")),
        ("/healthz", (HEALTH, "")),
        *(
            (path, None)
            for path in ("", "/", "/o", "/o/", "/o/a/b", "//o/a", "/x/a", "/healthz/", "/o/{token}/", "o/a")
        ),
    ],
)
def test_a_path_is_one_of_ours_or_none(path: str, found: tuple[Route, str] | None) -> None:
    """Some programs write letters of a token as %xx."""
    assert ROUTES.find(path) == found


@pytest.mark.parametrize(
    ("route", "allowed"),
    [(OPEN, ["GET", "HEAD"]), (FORM, ["GET", "HEAD", "POST"]), (Route("/r", {"POST": answer}), ["POST"])],
)
def test_what_is_allowed_is_answered_and_nothing_else(route: Route, allowed: list[str]) -> None:
    """HEAD like GET."""
    methods = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "get")

    assert route.allowed == allowed
    assert [method for method in methods if route.answerer(method)] == allowed
