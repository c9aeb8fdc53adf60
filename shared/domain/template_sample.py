"""Vars for a template that nobody has filled yet: for a preview without a recipient, and for a first trial. Pure."""

from collections.abc import Iterable
from typing import Final, TypeAlias

from shared.domain.template import Path
from shared.domain.template_tags import Template

_ITEMS: Final = 2  #: in each list

_Tree: TypeAlias = "dict[str, _Tree]"


def sample_vars(templates: Iterable[Template]) -> dict[str, object]:
    """Every name that is asked for, its own name in brackets as its value; lists where one is gone through."""
    root: _Tree = {}
    for template in templates:
        for path in template.uses.values:
            _plant(root, path)
        for path in template.uses.lists:
            _plant(root, (*path, "*"))
    return {name: _grown(name, tree) for name, tree in root.get("vars", {}).items()}


def _plant(root: _Tree, path: Path) -> None:
    for name in path:
        root = root.setdefault(name, {})


def _grown(name: str, tree: _Tree) -> object:
    if "*" in tree:
        return [_grown(name, tree["*"])] * _ITEMS
    return {name: _grown(name, below) for name, below in tree.items()} if tree else f"[{name}]"
