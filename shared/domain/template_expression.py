"""Expressions inside a template's tags: read by a grammar of our own and written anew for the engine. Pure.

The engine never sees what an author wrote, only what is written here: the names, filters and tests of these tables,
strings that are quoted again, and values that are made fit for what is done with them. So no expression calls anything,
reaches an attribute of anything, calculates, builds a structure or fails over the kind of a value.

``vars.a | upper ~ "!" if vars.b in ["x", "y"] and not vars.c is defined else email``
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from shared.domain.template import DEEPEST_PATH, LIST_NAME, NAMES, UNSUBSCRIBE_URL, Path, is_known, unescape
from shared.domain.template_tokens import Mistake, Token, code_of, quote

DEEPEST: Final = 10  #: brackets within brackets

#: Filters as the engine is told them: {0} is the value, {1} and {2} are the arguments. Those that are no filter of
#: Jinja make a value fit for the next one (shared/composing/template_engine.py).
_FILTERS: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "default": (("any",), "({0}|default({1}))"),
    "upper": ((), "({0}|text|upper)"),
    "lower": ((), "({0}|text|lower)"),
    "capitalize": ((), "({0}|text|capitalize)"),
    "title": ((), "({0}|text|title)"),
    "trim": ((), "({0}|text|trim)"),
    "truncate": (("count",), "({0}|text|truncate(length={1}, leeway=0))"),
    "replace": (("string", "string"), "({0}|text|replace({1}, {2}))"),
    "urlencode": ((), "({0}|text|urlencode)"),
    "int": ((), "({0}|whole)"),
    "float": ((), "({0}|decimal)"),
    "round": (("count",), "({0}|rounded({1}))"),
    "length": ((), "({0}|size)"),
    "first": ((), "({0}|items|first)"),
    "last": ((), "({0}|items|last)"),
    "join": (("string",), "({0}|texts|join({1}))"),
}
_WITHOUT_ARGUMENTS: Final = {"round": ["0"], "join": ['""']}
_TESTS: Final = frozenset({"defined", "none", "odd", "even"})
_CONSTANTS: Final = {"true": "true", "True": "true", "false": "false", "False": "false", "none": "none", "None": "none"}
_WORDS: Final = frozenset({"and", "or", "not", "in", "is", "if", "else", *_CONSTANTS})
_OF_A_LOOP: Final = frozenset({"index", "index0", "first", "last", "length"})
#: {0} and {1} are what stands left and right; values of different kinds are not in any order, and nothing fails.
_COMPARISONS: Final[Mapping[str, str]] = {
    "==": "({0}|equals({1}))",
    "!=": "(not ({0}|equals({1})))",
    "<": "({0}|below({1}))",
    ">": "({1}|below({0}))",
    "<=": "({0}|up_to({1}))",
    ">=": "({1}|up_to({0}))",
}


@dataclass(frozen=True, slots=True)
class Variable:
    """What ``for`` gives a name to."""

    name: str
    code: str
    source: Path | None  #: the items of which path; None: of something made by filters


@dataclass(slots=True)
class Uses:
    """The paths of ``vars`` that a template asks for, ``*`` standing for any item of a list."""

    values: set[Path] = field(default_factory=set)
    lists: set[Path] = field(default_factory=set)


class Reader:
    """Reads the tokens of one tag, from left to right, and writes the engine's code. Raises Mistake."""

    def __init__(self, tokens: list[Token], variables: list[Variable], uses: Uses) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self._variables = {variable.name: variable for variable in variables}
        self._uses = uses

    def word(self) -> str:
        """The next token as it is."""
        kind, text = self._tokens[self._at]
        if kind == "end":
            raise Mistake("ends too early")
        self._at += 1
        return text

    def new_variable(self) -> str:
        kind, name = self._tokens[self._at]
        if kind != "name" or not name.isidentifier() or name in _WORDS or name in self._variables:
            raise Mistake("needs a new name between for and in")
        if name in ("vars", "email", "telephone", "list", "loop", *UNSUBSCRIBE_URL):
            raise Mistake(f"cannot call an item {name!r}: that is something else")
        self._at += 1
        return name

    def must(self, text: str) -> None:
        if not self._take(text):
            raise Mistake(f"needs {text!r} at {self._here()}")

    def close(self, closing: str) -> str:
        """The minus before the end if there is one: it takes the white space behind the tag away."""
        kind, text = self._tokens[self._at]
        if kind != "end" or not text.endswith(closing):
            raise Mistake(f"cannot be understood from {self._here()} on")
        return "-" if text.startswith("-") else ""

    def items(self) -> tuple[str, Path | None]:
        """What ``for`` goes through: its code, and the path if it is nothing but one."""
        kind, text = self._tokens[self._at]
        alone = kind == "name" and self._tokens[self._at + 1][0] == "end"
        source = self._path_of(text) if alone else None
        if source is not None:
            self._uses.lists.add(source)
        return f"({self.expression()}|items)", source

    def expression(self) -> str:
        value = self._alternatives()
        if not self._take("if"):
            return value
        condition = self._alternatives()
        other = self.expression() if self._take("else") else '""'
        return f"({value} if {condition} else {other})"

    def _alternatives(self) -> str:
        return "(" + " or ".join(self._separated("or", self._conditions)) + ")"

    def _conditions(self) -> str:
        return " and ".join(self._separated("and", self._condition))

    def _condition(self) -> str:
        if self._take("not"):
            with self._deeper():
                return f"(not {self._condition()})"
        value = self._joined()
        if self._here() in _COMPARISONS:
            return _COMPARISONS[self.word()].format(value, self._joined())
        if self._take("is"):
            word = "is not" if self._take("not") else "is"
            return f"({value} {word} {self._one_of(_TESTS, 'test')})"
        if self._take("not"):
            self.must("in")
            return f"(not {self._contained(value)})"
        return self._contained(value) if self._take("in") else value

    def _contained(self, value: str) -> str:
        """In a list written out, or in a value: a list, a text, the names of an object."""
        if not self._take("["):
            return f"(({value}|text) in ({self._joined()}|holder))"
        items = list(self._separated(",", lambda: self._argument("constant")))
        self.must("]")
        return f"({value}|among([{', '.join(items)}]))"

    def _joined(self) -> str:
        first, *others = self._separated("~", self._filtered)
        return f"({' ~ '.join([f'({part}|text)' for part in (first, *others)])})" if others else first

    def _filtered(self) -> str:
        value = self._value()
        while self._take("|"):
            name = self._one_of(_FILTERS, "filter")
            takes, code = _FILTERS[name]
            bare = name in _WITHOUT_ARGUMENTS and self._here() != "("
            value = code.format(value, *(_WITHOUT_ARGUMENTS[name] if bare else self._arguments(takes)))
        return value

    def _arguments(self, takes: tuple[str, ...]) -> list[str]:
        if not takes:
            return []
        self.must("(")
        found = [self._argument(takes[0])]
        for kind in takes[1:]:
            self.must(",")
            found.append(self._argument(kind))
        self.must(")")
        return found

    def _argument(self, wanted: str) -> str:
        if wanted == "any":
            return self.expression()
        kind, text = self._tokens[self._at]
        fits = {
            "string": kind == "string",
            "count": kind == "number" and text.isdecimal() and len(text) < 5,
            "constant": kind in ("string", "number") or text in _CONSTANTS,
        }
        if not fits[wanted]:
            raise Mistake(f"needs a {wanted} at {self._here()}")
        return self._value()

    def _value(self) -> str:
        kind, text = self._tokens[self._at]
        if self._take("("):
            with self._deeper():
                inside = self.expression()
            self.must(")")
            return inside
        if kind not in ("string", "number", "name") or text in _WORDS - _CONSTANTS.keys():
            raise Mistake(f"needs a value at {self._here()}")
        self._at += 1
        match kind:
            case "string":
                return quote(unescape(text[1:-1]))
            case "number":
                return text
            case _:
                return _CONSTANTS.get(text) or self._variable(text)

    def _variable(self, name: str) -> str:
        root, *rest = name.split(".")
        if root in self._variables and len(rest) <= DEEPEST_PATH:
            variable = self._variables[root]
            if variable.source:
                self._uses.values.add((*variable.source, "*", *rest))
            return code_of((variable.code, *rest))
        if root == "loop" and self._variables and len(rest) == 1 and rest[0] in _OF_A_LOOP:
            return name
        path = tuple(name.split("."))
        if path == UNSUBSCRIBE_URL:
            raise Mistake("uses unsubscribe_url, which stands alone: {{ unsubscribe_url }}")
        if not is_known(name):
            raise Mistake(f"uses {name[:80]!r}, which is unknown: there are {NAMES}")
        if path != LIST_NAME:
            self._uses.values.add(path)
        return code_of(path)

    def _path_of(self, name: str) -> Path | None:
        """Where in vars the value of this name lies, if it is known before rendering."""
        root, *rest = name.split(".")
        if root in self._variables:
            source = self._variables[root].source
            return (*source, "*", *rest) if source else None
        return (root, *rest) if root == "vars" and rest else None

    def _separated(self, separator: str, read: Callable[[], str]) -> Iterator[str]:
        yield read()
        while self._take(separator):
            yield read()

    def _one_of(self, known: Collection[str], what: str) -> str:
        text = self.word()
        if text not in known:
            raise Mistake(f"uses the {what} {text[:80]!r}, which is unknown: there are {', '.join(sorted(known))}")
        return text

    def _take(self, text: str) -> bool:
        kind, here = self._tokens[self._at]
        found = here == text and kind in ("name", "sign")
        self._at += found
        return found

    def _here(self) -> str:
        kind, text = self._tokens[self._at]
        return "its end" if kind == "end" else text[:80]

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        self._depth += 1
        if self._depth > DEEPEST:
            raise Mistake(f"has more than {DEEPEST} brackets within each other")
        yield
        self._depth -= 1
