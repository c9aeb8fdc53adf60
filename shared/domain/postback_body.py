"""What is posted to a URL when a job has ended: the answer of GET, the key and the signature, as a form. Pure.

Brackets stand for nesting; true and false are 1 and 0, and what is null is left out. Signed is every value as it is
sent, so that whoever receives the fields can sign them himself and compare.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from shared.domain.sailthru_signature import sign

FORM = "application/x-www-form-urlencoded"


def postback_body(answer: Mapping[str, Any], api_key: str, secret: str) -> bytes:
    """The same bytes for the same answer."""
    fields = [*_leaves(answer), ("api_key", api_key)]
    return urlencode([*fields, ("sig", sign(secret, (value for _, value in fields)))]).encode()


def _leaves(answer: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in answer.items():
        yield from _of(name, value)


def _of(name: str, value: Any) -> Iterator[tuple[str, str]]:
    match value:
        case None:
            return
        case bool():
            yield name, "1" if value else "0"
        case Mapping():
            for key, inner in value.items():
                yield from _of(f"{name}[{key}]", inner)
        case list() | tuple():
            for index, inner in enumerate(value):
                yield from _of(f"{name}[{index}]", inner)
        case _:
            yield name, str(value)
