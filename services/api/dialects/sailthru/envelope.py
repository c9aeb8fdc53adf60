"""How the clients of Sailthru are told a no: two keys, and a status that is not 200. Pure."""

from collections.abc import Mapping
from typing import Final

from services.api.operation import Answer
from services.api.problem import Problem
from services.api.resources.job.given import OTHER, TOO_MANY, UNEXPECTED, UNKNOWN_KEY, UNSUPPORTED

#: Where nothing else was said.
_CODES: Final[Mapping[int, int]] = {401: UNKNOWN_KEY, 405: UNSUPPORTED, 429: TOO_MANY, 500: UNEXPECTED}


def refusal(told: Problem) -> Answer:
    code = told.code if told.code is not None else _CODES.get(told.status, OTHER)
    return Answer({"error": code, "errormsg": told.sentence}, told.status, told.headers)
