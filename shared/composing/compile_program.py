"""A body with conditions, loops or filters in it: rendered for each recipient, but for what all have in common.

Pure; done once per task. Text, tokens and mere placeholders have their places in the code as numbers between two
characters that no template and no value can hold. What is rendered is cut there. So the engine sees little more than
conditions, loops and filters, and a long body costs what these cost.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from shared.composing.compile_body import CodeMark, FooterMark, Part, TokenMark, ValueMark
from shared.composing.template_engine import Program
from shared.domain.template_tags import CONTROL
from shared.domain.tokens import TokenKind

_CUT: Final = "\0"
_NO_MARKS: Final = str.maketrans("", "", _CUT + CONTROL)

#: ``bytes`` are text that has its final form already.
Fixed: TypeAlias = bytes | TokenMark | ValueMark


@dataclass(frozen=True, slots=True)
class CompiledProgram:
    program: Program
    marks: tuple[Fixed | FooterMark, ...]

    def render(self, names: Mapping[str, object]) -> Iterator[str | Fixed]:
        """Text, and what was left out of the code. Raises Unrenderable."""
        pieces = self.program.render(names).split(_CUT)
        found = [self.marks[int(number)] for number in pieces[1::2]]
        offered = any(isinstance(mark, TokenMark) and mark.kind is TokenKind.UNSUBSCRIBE for mark in found)
        yield pieces[0]
        for mark, piece in zip(found, pieces[2::2], strict=True):
            if not isinstance(mark, FooterMark):
                yield mark
            elif not offered:
                yield from mark.parts
            if piece:
                yield piece


def needs_program(parts: Sequence[Part]) -> bool:
    return any(isinstance(part, CodeMark) for part in parts)


def compile_program(parts: Iterable[Part | bytes], *, escaped: bool) -> CompiledProgram:
    """``escaped``: what values print is made fit for html. ValueError if the engine does not understand the code."""
    code: list[str] = []
    marks: list[Fixed | FooterMark] = []
    for part in parts:
        match part:
            case str():
                code.append(part.translate(_NO_MARKS))
            case CodeMark(tag):
                code.append(tag)
            case _:
                code.append(f"{_CUT}{len(marks)}{_CUT}")
                marks.append(part)
    return CompiledProgram(Program("".join(code), escaped=escaped), tuple(marks))
