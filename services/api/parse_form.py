"""Reads forms and query strings with PHP's brackets. Pure.

``segments[]=1&segments[]=2`` and ``segments[0]=1&segments[1]=2`` are lists, ``query[value][]=x`` one inside an object.
An object whose keys are exactly 0..n-1 is a list. All values are text; what they mean is the schema's to say.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias
from urllib.parse import parse_qsl

from shared.domain.refusal import Fault

MOST_FIELDS: Final = 5_000
DEEPEST: Final = 8

Tree: TypeAlias = "str | list[Tree] | dict[str, Tree]"

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_BRACKET = re.compile(r"\[([^\[\]]*)\]")


@dataclass(slots=True)
class _Branch:
    children: "dict[str, str | _Branch]" = field(default_factory=dict)
    next_index: int = 0  #: what ``[]`` stands for

    def key(self, step: str) -> str:
        if step == "":
            step = str(self.next_index)
        if re.fullmatch("0|[1-9][0-9]{0,8}", step):
            self.next_index = max(self.next_index, int(step) + 1)
        return step


def parse_form(text: str) -> dict[str, Tree] | list[Fault]:
    """The fields by name; or everything that is wrong with them."""
    pairs = read_pairs(text)
    return [pairs] if isinstance(pairs, Fault) else grow_fields(pairs)


def read_pairs(text: str) -> list[tuple[str, str]] | Fault:
    """Names and values as they came, in their order."""
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except UnicodeDecodeError:
        return Fault("", "the form is not UTF-8")
    except ValueError:
        return Fault("", f"more than {MOST_FIELDS} fields")


def grow_fields(pairs: Iterable[tuple[str, str]]) -> dict[str, Tree] | list[Fault]:
    """What the brackets in the names say."""
    root = _Branch()
    faults = [Fault(name, fault) for name, value in pairs if (fault := _put(root, name, value))]
    return faults or {name: _grown(child) for name, child in root.children.items()}


def _put(root: _Branch, name: str, value: str) -> str | None:
    match = _NAME.fullmatch(name)
    if match is None:
        return "is not a field name: name, name[] or name[key]"
    steps = [match[1], *_BRACKET.findall(match[2])]
    if len(steps) > DEEPEST:
        return f"is nested deeper than {DEEPEST}"
    branch = root
    for step in steps[:-1]:
        child = branch.children.setdefault(branch.key(step), _Branch())
        if isinstance(child, str):
            return "is given both with and without brackets"
        branch = child
    key = branch.key(steps[-1])
    if key in branch.children:
        return "is given twice" if isinstance(branch.children[key], str) else "is given both with and without brackets"
    branch.children[key] = value
    return None


def _grown(node: str | _Branch) -> Tree:
    if isinstance(node, str):
        return node
    values = {key: _grown(child) for key, child in node.children.items()}
    return list(_in_order(values)) if _is_list(values) else values


def _is_list(values: dict[str, Tree]) -> bool:
    return all(str(index) in values for index in range(len(values)))


def _in_order(values: dict[str, Tree]) -> Iterator[Tree]:
    return (values[str(index)] for index in range(len(values)))
