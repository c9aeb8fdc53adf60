"""``export_list_data``: what is known of everybody on a list."""

from typing import Any, Final

from services.api.operation import ADMINS
from services.api.resources.job.given import MISSING, Given
from services.api.resources.job.job_type import JobType, Order

MOST_VARS: Final = 100
LONGEST_VAR: Final = 255

_FIELDS: Final = ("lists", "vars")


def _read(given: Given) -> Order:
    """``params``: ``list``, ``lists`` (whether the column is wanted), ``vars`` (names, as columns)."""
    name = given.require("list", given.text("list"))
    fields = given.mapping("fields") or {}
    for unknown in fields.keys() - set(_FIELDS):
        given.blame(f"fields.{unknown}", "is not a known field")
    return Order(
        name=f"Export All List Data: {name}",
        params={"list": name, "lists": _wanted(fields.get("lists", 1)), "vars": _vars(given, fields.get("vars"))},
        tell={"list": name},
        lists=(name,) if name else (),
    )


def _wanted(flag: object) -> bool:
    return flag not in (None, False, 0, "", "0", "false")


def _vars(given: Given, asked: Any) -> list[str]:
    if asked in (None, False, 0, "", []):
        return []
    if not isinstance(asked, dict) or len(asked) > MOST_VARS or not all(_is_name(name) for name in asked):
        given.blame("fields.vars", f"must be an object of at most {MOST_VARS} names, as {{name: 1}}", MISSING)
        return []
    return [name for name, flag in asked.items() if _wanted(flag)]


def _is_name(name: str) -> bool:
    return 0 < len(name) <= LONGEST_VAR and name.isprintable()


TYPE = JobType("export_list_data", _read, ADMINS)
