"""A body with conditions, loops or filters in it: rendered for each recipient, but for what all have in common.

Pure; done once per task. Text, tokens and mere placeholders have their places in the code as numbers between two
characters that no template and no value can hold: one number for all that stands between two tags. What is rendered is
cut there. So the engine sees nothing but conditions, loops and filters, and a long body costs what these cost.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeAlias, TypeVar

from shared.composing.compile_body import CodeMark, FooterMark, Mark, Part, TokenMark
from shared.composing.template_engine import Program, Unrenderable
from shared.domain.tokens import TokenKind

MOST_PIECES: Final = 100_000  #: of one rendered body

_CUT: Final = "\0"

Written = TypeVar("Written", str, bytes)  #: what bodies are put together of

_Run: TypeAlias = tuple[int, ...]  #: places in ``marks``: what stands between two tags


@dataclass(frozen=True, slots=True)
class CompiledProgram(Generic[Written]):
    program: Program
    runs: tuple[_Run, ...]
    marks: tuple[Written | Mark, ...]
    fixed: tuple[Written | None, ...]  #: those of the marks that are the same for all
    offering: frozenset[str]  #: the numbers of runs that offer a way to unsubscribe
    footers: frozenset[str]  #: and of those that are there for whoever is offered none

    def render(
        self,
        names: Mapping[str, object],
        write: Callable[[str], Written],
        fill: Callable[[Mark], Written],
    ) -> list[Written]:
        """``write``: what the engine printed. ``fill``: asked once for each mark. Raises Unrenderable."""
        pieces = self.program.render(names).split(_CUT)
        left_out = self.footers if not self.offering.isdisjoint(pieces[1::2]) else frozenset()
        ready = list(self.fixed)
        written = [write(pieces[0])] if pieces[0] else []
        for number, piece in zip(pieces[1::2], pieces[2::2], strict=True):
            for place in self.runs[int(number)] if number not in left_out else ():
                found = ready[place]
                if found is None:
                    found = ready[place] = fill(self.marks[place])  # type: ignore[arg-type]  # what is not fixed is a Mark
                written.append(found)
            if piece:
                written.append(write(piece))
            if len(written) > MOST_PIECES:
                raise Unrenderable(f"the message would have more than {MOST_PIECES:,} pieces")
        return written


def needs_program(parts: Sequence[Part]) -> bool:
    return any(isinstance(part, CodeMark) for part in parts)


def compile_program(
    parts: Sequence[Part], write: Callable[[str], Written], *, escaped: bool
) -> CompiledProgram[Written]:
    """``write``: gives text its final form. ``escaped``: what the engine prints is made fit for html.

    ValueError if the engine does not understand the code.
    """
    compiling = _Compiling(write)
    for part in parts:
        compiling.add(part)
    compiling.end_run()
    marks = tuple(compiling.marks)
    return CompiledProgram(
        program=Program("".join(compiling.code), escaped=escaped),
        runs=tuple(compiling.runs),
        marks=marks,
        fixed=tuple([None if isinstance(mark, Mark) else mark for mark in marks]),
        offering=frozenset(compiling.offering),
        footers=frozenset(compiling.footers),
    )


@dataclass(slots=True)
class _Compiling(Generic[Written]):
    write: Callable[[str], Written]
    code: list[str] = field(default_factory=list)
    runs: list[_Run] = field(default_factory=list)
    marks: "dict[Written | Mark, int]" = field(default_factory=dict)
    offering: list[str] = field(default_factory=list)
    footers: list[str] = field(default_factory=list)
    _run: list[int] = field(default_factory=list)
    _offers: bool = False

    def add(self, part: Part) -> None:
        match part:
            case CodeMark(code):
                self.end_run()
                self.code.append(code)
            case FooterMark(parts):
                self.end_run()
                for inside in parts:
                    self.add(inside)
                self._offers = False
                self.footers.append(str(len(self.runs)))
                self.end_run()
            case str():
                if part:
                    self._mark(self.write(part))
            case _:
                self._offers = self._offers or (isinstance(part, TokenMark) and part.kind is TokenKind.UNSUBSCRIBE)
                self._mark(part)

    def end_run(self) -> None:
        if not self._run:
            return
        number = str(len(self.runs))
        self.code.append(f"{_CUT}{number}{_CUT}")
        if self._offers:
            self.offering.append(number)
        self.runs.append(tuple(self._run))
        self._run, self._offers = [], False

    def _mark(self, mark: Written | Mark) -> None:
        self._run.append(self.marks.setdefault(mark, len(self.marks)))
