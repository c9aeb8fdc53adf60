"""What a type of job makes of a POST: its parameters, read by name, become an order for whoever does the work."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.api.operation import WRITERS
from services.api.resources.job.given import Given
from shared.domain.account import Role
from shared.domain.job import Kind


@dataclass(frozen=True, slots=True)
class Order:
    """``name``: of the job, for people. ``params``: what the work needs, as JSON. ``lines``: what it came with, one
    record a line. ``tell``: what GET tells from the beginning.

    ``lists`` and ``campaigns`` must exist, or the POST is refused with their numbers; ``url`` must be one that may be
    dialled.
    """

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)
    lines: bytes | None = None
    tell: Mapping[str, Any] = field(default_factory=dict)
    lists: tuple[str, ...] = ()
    campaigns: tuple[int, ...] = ()
    url: str | None = None


@dataclass(frozen=True, slots=True)
class JobType:
    """``read``: of no use where it blamed a parameter of what it was given. ``roles``: who may start one and see it;
    whoever may only read sees those that every writer may start.
    """

    kind: Kind
    read: Callable[[Given], Order]
    roles: frozenset[Role] = WRITERS
