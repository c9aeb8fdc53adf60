"""HTML out of values. Whatever is no Markup is text, and is escaped: there is no way to forget it. Pure."""

from collections.abc import Iterable
from html import escape
from typing import Final, TypeAlias

VOID: Final = frozenset({"br", "hr", "input", "link", "meta"})  #: elements without an end; in SVG every one has one


class Markup(str):
    """HTML that this package wrote."""

    __slots__ = ()


Child: TypeAlias = "Markup | str | int | Iterable[Child] | None"
Attribute: TypeAlias = "str | int | float | bool | None"


def el(tag: str, *children: Child, **attributes: Attribute) -> Markup:
    """An element. ``class_`` is spelled without its underscore, ``aria_label`` with a hyphen; None and False: no
    attribute, True: one without a value.
    """
    begun = f"<{tag}{''.join(_attribute(name, value) for name, value in attributes.items())}>"
    return Markup(begun if tag in VOID else f"{begun}{text(children)}</{tag}>")


def text(child: Child) -> Markup:
    """What may stand between two tags."""
    match child:
        case None:
            return Markup()
        case Markup():
            return child
        case str() | int():
            return Markup(escape(str(child)))
        case _:
            return Markup("".join(map(text, child)))


def _attribute(name: str, value: Attribute) -> str:
    spelled = name.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f" {spelled}" if value is True else f' {spelled}="{escape(str(value))}"'
