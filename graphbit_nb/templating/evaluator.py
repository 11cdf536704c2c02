"""Walks a checked template over the values that it reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from graphbit_nb.errors import MissingInputError, TemplateError, did_you_mean
from graphbit_nb.templating.filters import MARK, MAX_NUMBER, apply, default_of
from graphbit_nb.templating.syntax import constant_index, target_names
from graphbit_nb.templating.tables import unpacked
from graphbit_nb.templating.turns import DIVIDER
from graphbit_nb.templating.values import kind_of, look_up, to_text

if TYPE_CHECKING:
    from jinja2 import nodes

    from graphbit_nb.templating.effort import Effort

Origin = tuple[int, int, str]
_FILTER_STEPS = 4  # parts of expressions that take as long as one call of a filter


class Turn(NamedTuple):
    """One turn of a rendered prompt; `origins` are (start, end, name) of text that came from a value."""

    role: str
    text: str
    origins: tuple[Origin, ...]


class Writer:
    """Collects pieces of text; turns are divided by the template's own text alone.

    Args:
        effort: Counts what is written.
    """

    def __init__(self, effort: Effort) -> None:
        self.effort = effort
        self._turns: list[Turn] = []
        self._role = "user"
        self._pieces: list[str] = []
        self._origins: list[Origin] = []
        self._length = 0
        self._divided = False
        self._ends_in_literal = False

    def literal(self, text: str) -> None:
        """Write text of the template itself, which may divide turns."""
        at = 0
        if MARK in text:
            for match in DIVIDER.finditer(text):
                self._put(text[at : match.start()], is_literal=True)
                self._end_line()
                self._end_turn()
                self._role, self._divided = match[1], True
                at = match.end()
        self._put(text[at:], is_literal=True)

    def value(self, text: str, name: str) -> None:
        """Write text that came from a value."""
        if text and name:
            self._origins.append((self._length, self._length + len(text), name))
        self._put(text, is_literal=False)

    def _put(self, text: str, *, is_literal: bool) -> None:
        if text:
            self._pieces.append(text)
            self._length += len(text)
            self._ends_in_literal = is_literal
            self.effort.write(len(text))

    def _end_line(self) -> None:
        """Drop the template's own newline before a dividing line; one that came from a value stays."""
        if self._ends_in_literal and self._pieces and self._pieces[-1].endswith("\n"):
            self._pieces[-1] = self._pieces[-1][:-1]

    def _end_turn(self) -> None:
        text = "".join(self._pieces)
        if self._divided or text.strip():
            self._turns.append(Turn(self._role, text, tuple(self._origins)))
        self._pieces, self._origins, self._length = [], [], 0

    def finish(self) -> tuple[Turn, ...]:
        """Return the turns; a text without dividing lines is one turn of the user's."""
        if not self._divided:
            return (Turn("user", "".join(self._pieces), tuple(self._origins)),)
        self._end_turn()
        return tuple(self._turns)


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "lteq": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "gteq": lambda a, b: a >= b,
    "in": lambda a, b: a in b,
    "notin": lambda a, b: a not in b,
}


class Evaluator:
    """Walks the checked tree over the values. It reads mappings, sequences and fields; it calls nothing of theirs."""

    def __init__(self, values: Mapping[str, Any], roots: dict[int, str], writer: Writer) -> None:
        self._values = values
        self._effort = writer.effort
        self._locals: dict[str, Any] = {}
        self._roots = roots
        self._writer = writer

    def value(self, node: nodes.Node) -> Any:
        """Return what an expression gives. Raises as `Template.turns` does."""
        return self._guarded(node)

    def block(self, body: Sequence[nodes.Node]) -> None:
        """Carry out statements. Raises as `Template.turns` does."""
        for node in body:
            getattr(self, f"_stmt_{type(node).__name__}")(node)

    def _stmt_Output(self, node: nodes.Output) -> None:
        for child in node.nodes:
            if type(child).__name__ == "TemplateData":
                self._writer.literal(child.data)  # type: ignore[attr-defined]
                continue
            name = self._roots[id(child)]
            self._writer.value(self._guarded(child, partial(_printed, name)), name)

    def _stmt_If(self, node: nodes.If) -> None:
        for branch in (node, *node.elif_):
            if self._guarded(branch.test):
                return self.block(branch.body)
        return self.block(node.else_)

    def _stmt_For(self, node: nodes.For) -> None:
        items = self._guarded(node.iter)
        if isinstance(items, str | bytes) or not isinstance(items, Sequence | Mapping | set | frozenset):
            raise TemplateError(f"{kind_of(items)} cannot be looped over", line=node.lineno)
        names = target_names(node.target)
        outer, count = dict(self._locals), len(items)
        for number, item in enumerate(items, start=1):
            self._effort.round()
            self._locals["loop"] = {"index": number, "first": number == 1, "last": number == count}
            if len(names) == 1:
                self._locals[names[0]] = item
            else:
                if isinstance(item, str) or not isinstance(item, Sequence) or len(item) != len(names):
                    raise TemplateError(f"item {number} does not fit {', '.join(names)}", line=node.lineno)
                self._locals.update(zip(names, item, strict=True))
            self.block(node.body)
        self._locals = outer

    def _guarded(self, node: nodes.Node, convert: Callable[[Any], Any] | None = None) -> Any:
        try:
            value = self._expr(node)
            return value if convert is None else convert(value)
        except TemplateError as error:
            raise error if error.line else TemplateError(error.message, line=node.lineno) from None
        except (TypeError, ValueError, OverflowError) as error:
            raise TemplateError(str(error), line=node.lineno) from None
        except RecursionError:
            raise TemplateError("the value is nested too deeply", line=node.lineno) from None

    def _expr(self, node: Any) -> Any:
        return unpacked(self._found(node))

    def _found(self, node: Any) -> Any:
        self._effort.step()
        return getattr(self, f"_expr_{type(node).__name__}")(node)

    def _expr_Name(self, node: nodes.Name) -> Any:
        name = node.name
        if name in self._locals:
            return self._seen(self._locals[name])
        if name in self._values:
            return self._seen(self._values[name])
        raise MissingInputError(f"{name!r} has no value{did_you_mean(name, self._values)}", names=(name,))

    def _seen(self, value: Any) -> Any:
        if isinstance(value, str) and len(value) > self._effort.longest:
            self._effort.longest = len(value)
        return value

    def _expr_Const(self, node: nodes.Const) -> Any:
        return node.value

    def _expr_List(self, node: nodes.List) -> Any:
        return [self._expr(item) for item in node.items]

    _expr_Tuple = _expr_List

    def _expr_Getattr(self, node: nodes.Getattr) -> Any:
        return self._part(node, node.attr)

    def _expr_Getitem(self, node: nodes.Getitem) -> Any:
        return self._part(node, constant_index(node))

    def _part(self, node: Any, key: str | int) -> Any:
        value = self._found(node.node)  # a table as it is, since a name leads to a column of it
        try:
            return self._seen(look_up(value, key))
        except TemplateError as error:
            raise TemplateError(f"{_spell(node.node)}: {error.message}", line=node.lineno) from None

    def _expr_Compare(self, node: nodes.Compare) -> bool:
        left = self._expr(node.expr)
        for operand in node.ops:
            right = self._expr(operand.expr)
            if not _COMPARE[operand.op](left, right):
                return False
            left = right
        return True

    def _expr_And(self, node: nodes.And) -> Any:
        return self._expr(node.left) and self._expr(node.right)

    def _expr_Or(self, node: nodes.Or) -> Any:
        return self._expr(node.left) or self._expr(node.right)

    def _expr_Not(self, node: nodes.Not) -> bool:
        return not self._expr(node.node)

    def _expr_Neg(self, node: nodes.Neg) -> Any:
        return -self._expr(node.node)

    def _expr_Test(self, node: nodes.Test) -> bool:
        if node.name == "none":
            return self._expr(node.node) is None
        return self._present(node.node)[0]

    def _present(self, node: Any) -> tuple[bool, Any]:
        try:
            return True, self._expr(node)
        except (MissingInputError, TemplateError):
            return False, None

    def _expr_Filter(self, node: Any) -> Any:
        args = [self._expr(argument) for argument in node.args]
        kwargs = {pair.key: self._expr(pair.value) for pair in node.kwargs}
        if node.name == "default":
            present, value = self._present(node.node)
            return default_of(present, value, *args, **kwargs)
        self._effort.step(_FILTER_STEPS)
        value = self._expr(node.node)
        for argument in (*args, *kwargs.values()):
            if isinstance(argument, int | float) and abs(argument) > MAX_NUMBER:
                raise TemplateError(f"{argument} is too large a number for the filter {node.name!r}")
        result = apply(node.name, value, args, kwargs, self._effort)
        if isinstance(result, str):
            self._effort.make(len(result))
        return result


def _printed(name: str, value: Any) -> str:
    if value is None:
        what = name or "the value"
        raise TemplateError(f"{what} is none and cannot be printed; test it with 'is none' or give it a default")
    return to_text(value)


def _spell(node: Any) -> str:
    kind = type(node).__name__
    if kind == "Name":
        return str(node.name)
    if kind == "Getattr":
        return f"{_spell(node.node)}.{node.attr}"
    return f"{_spell(node.node)}[{constant_index(node)!r}]"
