"""What may be answered to a visitor of the console."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TypeAlias

from services.api.console.markup import Markup
from services.api.problem import Problem


@dataclass(frozen=True, slots=True)
class Page:
    """``live``: the path of its live figures. ``refresh``: it is to be asked for anew at once."""

    title: str
    body: Markup
    place: str = ""  #: the part of the console it belongs to
    live: str | None = None
    refresh: bool = False
    status: int = 200


@dataclass(frozen=True, slots=True)
class Redirect:
    """See there, by GET. ``cookies``: headers."""

    to: str
    cookies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Events:
    """Server-sent events."""

    pieces: AsyncGenerator[bytes]


Reply: TypeAlias = Page | Redirect | Events | Problem
