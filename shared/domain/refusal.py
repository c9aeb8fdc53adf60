"""A decided no: a value for the caller to word and to answer. Surprises are exceptions, this is not one."""

from dataclasses import dataclass
from typing import Literal

#: What kind of no. The edge turns each into one status of its dialect.
Because = Literal["invalid", "not found", "conflict", "forbidden", "unauthenticated", "gone", "unavailable"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with one field; ``field`` is empty when it concerns the whole."""

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Refused:
    """``resource_id``: of what stands in the way of a conflict, ``code``: the number of the first fault, where a
    dialect tells it.
    """

    because: Because
    faults: tuple[Fault, ...]
    resource_id: int | None = None
    code: int | None = None

    @staticmethod
    def conflict(message: str, field: str = "") -> "Refused":
        return Refused("conflict", (Fault(field, message),))

    @staticmethod
    def forbidden(message: str, field: str = "") -> "Refused":
        return Refused("forbidden", (Fault(field, message),))

    @staticmethod
    def invalid(*faults: Fault) -> "Refused":
        return Refused("invalid", faults)

    @staticmethod
    def not_found(message: str) -> "Refused":
        return Refused("not found", (Fault("", message),))

    @staticmethod
    def gone(message: str, field: str = "") -> "Refused":
        return Refused("gone", (Fault(field, message),))

    @staticmethod
    def unavailable(message: str) -> "Refused":
        return Refused("unavailable", (Fault("", message),))
