"""Every one-line mistake that can be planted in a file of Python, and a draw of them. Pure.

A comparison turned round or off by its edge; ``and`` for ``or``, or an operand of them left out; a ``not`` left out; a conditional
expression that always takes one side; a truth value turned round; plus for minus; a statement of a function left out. Left alone are what a
log alone tells, annotations, and what stands in an f-string, whose places Python 3.11 does not tell.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from random import Random

OPPOSITE: dict[type[ast.cmpop], str] = {
    ast.GtE: "<",
    ast.Gt: "<=",
    ast.LtE: ">",
    ast.Lt: ">=",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
OFF_BY_ITS_EDGE: dict[type[ast.cmpop], str] = {ast.GtE: ">", ast.Gt: ">=", ast.LtE: "<", ast.Lt: "<="}
LOGS = ("LOG.", "logging.", "warnings.")
_OPERATOR = re.compile(r"is\s+not|not\s+in|is|in|[<>=!]=|[<>+-]")


@dataclass(frozen=True)
class Mutant:
    """One planted mistake."""

    file: str
    """Relative to the package ``drillbook``."""
    line: int
    source: str
    """The text of that line, without its indentation."""
    start: int
    """Octets of the file before what is replaced."""
    before: str
    after: str
    lines: tuple[int, int]
    """First and last line of the statement that it is in; of a compound one only its head."""

    @property
    def package(self) -> str:
        """The package or module of the house that it is in."""
        return self.file.partition("/")[0].removesuffix(".py")

    @property
    def module(self) -> str:
        """Its module: ``stage.links``."""
        return self.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def change(self) -> str:
        """``a < b -> a <= b``."""
        return f"{_one_line(self.before)} -> {_one_line(self.after)}"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.change}"

    def planted(self, text: str) -> str:
        """The file with the mistake in it."""
        octets = text.encode()
        assert octets[self.start :].startswith(self.before.encode()), f"{self} is not in this text"
        return (octets[: self.start] + self.after.encode() + octets[self.start + len(self.before.encode()) :]).decode()


@dataclass(frozen=True)
class Equivalent:
    """A mistake that makes no difference that a test could see."""

    file: str
    line: str
    """The text of the line, without its indentation."""
    change: str
    reason: str

    def is_(self, mutant: Mutant) -> bool:
        """Whether a mutant is this one, wherever its line is now."""
        return (self.file, self.line, self.change) == (mutant.file, mutant.source, mutant.change)


def mutants(file: str, text: str) -> list[Mutant]:
    """All that can be planted in a file, in the order of the text.

    Args:
        file: its name, relative to the package.
        text: what is in it.
    """
    found = dict.fromkeys(_Planting(file, text).found(ast.parse(text)))
    return sorted(found, key=lambda mutant: (mutant.start, mutant.after))


def draw(among: Iterable[Mutant], count: int, seed: int, leave_out: Iterable[Equivalent] = ()) -> list[Mutant]:
    """Some of them, by chance: so many of each package, or all that it has.

    Args:
        among: all of them.
        count: for each package.
        seed: of the chance; a package's draw is the same whichever others there are.
        leave_out: those that make no difference.
    """
    equivalent = list(leave_out)
    packages: dict[str, list[Mutant]] = {}
    for mutant in among:
        if not any(one.is_(mutant) for one in equivalent):
            packages.setdefault(mutant.package, []).append(mutant)
    return [one for package, found in sorted(packages.items()) for one in _drawn(found, count, Random(f"{seed} {package}"))]


def _drawn(found: list[Mutant], count: int, chance: Random) -> list[Mutant]:
    return sorted(chance.sample(found, min(count, len(found))), key=lambda mutant: (mutant.file, mutant.start))


class _Planting:
    def __init__(self, file: str, text: str) -> None:
        self._file, self._octets = file, text.encode()
        lines = text.splitlines(keepends=True)
        self._lines = [line.strip() for line in lines]
        self._starts = [0, *accumulate(len(line.encode()) for line in lines)]

    def found(self, node: ast.AST, lines: tuple[int, int] = (1, 1), within: bool = False) -> Iterator[Mutant]:
        if isinstance(node, ast.JoinedStr):
            return
        if isinstance(node, ast.stmt):
            lines = (node.lineno, _last_of_head(node))
        for start, end, after in self._changes(node, within):
            line = bisect_right(self._starts, start)
            yield Mutant(self._file, line, self._lines[line - 1], start, self._octets[start:end].decode(), after, lines)
        inner = within or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for name, child in ast.iter_fields(node):
            if name not in ("annotation", "returns", "decorator_list"):
                for one in child if isinstance(child, list) else [child]:
                    if isinstance(one, ast.AST):
                        yield from self.found(one, lines, inner)

    def _changes(self, node: ast.AST, within: bool) -> Iterator[tuple[int, int, str]]:
        """What may stand instead of a node or a part of it: from where to where, and what."""
        match node:
            case ast.Compare(left, [operator], [right]):
                for turned in (OPPOSITE, OFF_BY_ITS_EDGE):
                    if type(operator) in turned:
                        yield self._of_operator(node, left, turned[type(operator)], right)
            case ast.BinOp(left, ast.Add() | ast.Sub() as operator, right):
                yield self._of_operator(node, left, "-" if isinstance(operator, ast.Add) else "+", right)
            case ast.BoolOp(operator, values):
                joined_by, instead = (" and ", " or ") if isinstance(operator, ast.And) else (" or ", " and ")
                texts = [f"({self._text_of(value)})" for value in values]
                yield self._of_all(node, f"({instead.join(texts)})")
                for left_out in range(len(texts)):
                    yield self._of_all(node, f"({joined_by.join(texts[:left_out] + texts[left_out + 1 :])})")
            case ast.UnaryOp(ast.Not(), operand):
                yield self._of_all(node, f"({self._text_of(operand)})")
            case ast.Constant(bool() as value):
                yield self._of_all(node, str(not value))
            case ast.IfExp(_, body, otherwise):
                yield self._of_all(node, f"({self._text_of(body)})")
                yield self._of_all(node, f"({self._text_of(otherwise)})")
            case ast.Expr(ast.Constant() | ast.Yield() | ast.YieldFrom()):
                return
            case ast.Expr() | ast.Assign() | ast.AugAssign() if within and not self._text_of(node).startswith(LOGS):
                yield self._of_all(node, "pass")

    def _of_all(self, node: ast.expr | ast.stmt, instead: str) -> tuple[int, int, str]:
        return (*self._span(node), instead)

    def _of_operator(self, node: ast.expr, left: ast.expr, operator: str, right: ast.expr) -> tuple[int, int, str]:
        """The operator alone; brackets stay where they are."""
        (start, end), (_, from_), (to, _) = self._span(node), self._span(left), self._span(right)
        before, between, after = (self._octets[a:b].decode() for a, b in ((start, from_), (from_, to), (to, end)))
        return start, end, before + _OPERATOR.sub(operator, between, count=1) + after

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._starts[node.lineno - 1] + node.col_offset, self._starts[node.end_lineno - 1] + node.end_col_offset

    def _text_of(self, node: ast.expr | ast.stmt) -> str:
        start, end = self._span(node)
        return self._octets[start:end].decode()


def _last_of_head(node: ast.stmt) -> int:
    """The last line that runs when the statement itself does."""
    body: list[ast.stmt] | None = getattr(node, "body", None) or getattr(node, "cases", None)
    first = getattr(body[0], "lineno", None) or getattr(getattr(body[0], "pattern", None), "lineno", node.lineno) if body else None
    return max(node.lineno, first - 1) if first else node.end_lineno or node.lineno


def _one_line(text: str) -> str:
    return " ".join(text.split())


def equivalents(read: Mapping[str, list[dict[str, str]]]) -> list[Equivalent]:
    """What ``equivalent.toml`` says."""
    return [Equivalent(**entry) for entry in read.get("equivalent", [])]
