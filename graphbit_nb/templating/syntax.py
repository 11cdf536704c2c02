"""Reads a template: parses it, refuses what is not allowed, collects what it reads."""

from __future__ import annotations

import unicodedata
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import TemplateError, did_you_mean
from graphbit_nb.templating.filters import FILTERS, MARK, environment
from graphbit_nb.templating.reading import Reading, Reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jinja2 import nodes

MAX_DEPTH = 100  # of blocks in blocks, filters on filters, parts of parts

_RAW_HINT = "to write it as text, put it between {% raw %} and {% endraw %}"


def read(text: str) -> Reading:
    """Read a text by way of Jinja2. Raises `TemplateError` for what does not parse or is not allowed."""
    tree = parse(text)
    reader = Reader()
    reader.block(tree.body, frozenset())
    return Reading(tree.body, tuple(reader.references), reader.roots)


def parse(text: str, before: int = 0) -> nodes.Template:
    """Parse with Jinja2. Raises `TemplateError`.

    Args:
        text: The text.
        before: Characters at its beginning that nobody wrote, and that no column counts.
    """
    from jinja2 import TemplateSyntaxError
    from jinja2.parser import Parser

    try:  # not by way of the environment, which would compile something to put the template into the traceback
        tree = Parser(environment(), text).parse()
    except TemplateSyntaxError as error:
        raise _slip(text, error.message or "", before) from None
    except RecursionError:
        raise TemplateError("the template is nested too deeply") from None
    except SyntaxError:  # in digits that Python does not take
        raise TemplateError(f"a number has an invalid character; write it in the digits 0 to 9; {_RAW_HINT}") from None
    except ValueError:
        raise TemplateError(f"a number has thousands of digits; write a smaller one; {_RAW_HINT}") from None
    _level(tree)
    return tree


def _slip(text: str, message: str, before: int) -> TemplateError:
    from graphbit_nb.templating.slips import slip_in

    try:
        slip = slip_in(text, message)
    except RecursionError:
        return TemplateError("the template is nested too deeply")
    line = text.count("\n", 0, slip.at) + 1
    column = slip.at - text.rfind("\n", 0, slip.at) - (before if line == 1 else 0)
    told = f"{slip.opener!r} begins a template, but at column {max(1, column)} {slip.told}"
    return TemplateError(f"{told}; {_RAW_HINT}", line=line)


def _level(tree: nodes.Template) -> None:
    """Refuse a tree too deep for those who walk it, and read names as Python reads identifiers (NFKC)."""
    stack: list[tuple[Any, int]] = [(tree, 0)]
    while stack:
        node, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise TemplateError("the template is nested too deeply", line=node.lineno)
        if type(node).__name__ == "Name" and not node.name.isascii():
            node.name = unicodedata.normalize("NFKC", node.name)
        stack.extend((child, depth + 1) for child in node.iter_child_nodes())


class Reader:
    """One walk over the tree: refuses what is not allowed and collects the references."""

    def __init__(self) -> None:
        self.references: list[Reference] = []
        self.roots: dict[int, str] = {}  # id of a printed expression -> names it reads
        self._loops: list[dict[str, tuple[str, ...]]] = []
        self._defined: frozenset[str] = frozenset()  # names that 'is defined' has been asked of, and answered yes

    def block(self, body: Sequence[nodes.Node], bound: frozenset[str]) -> None:
        """Read statements in which the names `bound` are loop variables. Raises `TemplateError`."""
        for node in body:
            kind = type(node).__name__
            visit = getattr(self, f"_stmt_{kind}", None)
            if visit is None:
                raise _refused(kind, node.lineno)
            visit(node, bound)

    def _stmt_Output(self, node: nodes.Output, bound: frozenset[str]) -> None:
        for child in node.nodes:
            if type(child).__name__ == "TemplateData":
                continue
            before = len(self.references)
            self._expr(child, bound, required=True)
            read = [r.name for r in self.references[before:]]
            for name in _names_in(child):
                for loop in reversed(self._loops):
                    if name in loop:
                        read.extend(loop[name])
                        break
            self.roots[id(child)] = ", ".join(dict.fromkeys(read))

    def _stmt_If(self, node: nodes.If, bound: frozenset[str]) -> None:
        outer = self._defined
        for branch in (node, *node.elif_):
            self._expr(branch.test, bound, required=True)
            with self._knowing(branch.test, holds=True):
                self.block(branch.body, bound)
            self._defined |= _defined_when(branch.test, holds=False)
        self.block(node.else_, bound)
        self._defined = outer

    @contextmanager
    def _knowing(self, test: nodes.Node, *, holds: bool) -> Iterator[None]:
        """What is read inside is only read when `test` holds, or does not."""
        outer = self._defined
        self._defined |= _defined_when(test, holds=holds)
        yield
        self._defined = outer

    def _stmt_For(self, node: nodes.For, bound: frozenset[str]) -> None:
        for part, what in ((node.test, "'if' in a for line"), (node.recursive, "'recursive'")):
            if part:
                raise TemplateError(f"{what} is not allowed", line=node.lineno)
        if node.else_:
            raise TemplateError("'else' of a for loop is not allowed", line=node.lineno)
        targets = target_names(node.target)
        if "loop" in targets:
            raise TemplateError("'loop' is the loop's own name, use another for its variable", line=node.lineno)
        before = len(self.references)
        self._expr(node.iter, bound, required=True)
        read = tuple(r.name for r in self.references[before:])
        for name in _names_in(node.iter):
            for loop in self._loops:
                read += loop.get(name, ())
        self._loops.append(dict.fromkeys(targets, read))
        self.block(node.body, bound | set(targets) | {"loop"})
        self._loops.pop()

    def _expr(self, node: nodes.Node, bound: frozenset[str], *, required: bool) -> None:
        kind = type(node).__name__
        visit = getattr(self, f"_expr_{kind}", None)
        if visit is None:
            raise _refused(kind, node.lineno)
        visit(node, bound, required)

    def _expr_Name(self, node: nodes.Name, bound: frozenset[str], required: bool) -> None:
        self._path(node, bound, required)

    def _expr_Const(self, node: nodes.Const, bound: frozenset[str], required: bool) -> None:
        if isinstance(node.value, str) and MARK in node.value:
            raise TemplateError("a text in quotes cannot have a NUL, nor a line with a role alone", line=node.lineno)

    def _expr_List(self, node: nodes.List, bound: frozenset[str], required: bool) -> None:
        for item in node.items:
            self._expr(item, bound, required=True)

    _expr_Tuple = _expr_List

    def _expr_Getattr(self, node: nodes.Node, bound: frozenset[str], required: bool) -> None:
        self._path(node, bound, required)

    _expr_Getitem = _expr_Getattr

    def _path(self, node: nodes.Node, bound: frozenset[str], required: bool) -> None:
        path: list[str | int] = []
        current: Any = node
        while (kind := type(current).__name__) != "Name":
            if kind == "Getattr":
                if current.attr.startswith("__"):
                    raise TemplateError(f"{current.attr!r} is not allowed", line=node.lineno)
                path.append(current.attr)
            elif kind == "Getitem":
                path.append(constant_index(current))
            else:
                raise TemplateError("only a name can be followed by '.' or '['", line=node.lineno)
            current = current.node
        path.reverse()
        if current.name == "loop" and "loop" in bound:
            if path not in (["index"], ["first"], ["last"]):
                raise TemplateError("a loop has loop.index, loop.first and loop.last only", line=node.lineno)
        elif current.name not in bound:
            if current.name == "loop":
                raise TemplateError("'loop' has a meaning inside a for loop only", line=node.lineno)
            required = required and current.name not in self._defined
            self.references.append(Reference(current.name, tuple(path), node.lineno, required))

    def _expr_Compare(self, node: nodes.Compare, bound: frozenset[str], required: bool) -> None:
        self._expr(node.expr, bound, required=True)
        for operand in node.ops:
            self._expr(operand.expr, bound, required=True)

    def _expr_And(self, node: nodes.And, bound: frozenset[str], required: bool) -> None:
        self._expr(node.left, bound, required=True)
        with self._knowing(node.left, holds=True):
            self._expr(node.right, bound, required=True)

    def _expr_Or(self, node: nodes.Or, bound: frozenset[str], required: bool) -> None:
        self._expr(node.left, bound, required=True)
        with self._knowing(node.left, holds=False):
            self._expr(node.right, bound, required=True)

    def _expr_Not(self, node: nodes.Not, bound: frozenset[str], required: bool) -> None:
        self._expr(node.node, bound, required=True)

    def _expr_Neg(self, node: nodes.Neg, bound: frozenset[str], required: bool) -> None:
        if type(node.node).__name__ != "Const" or not isinstance(node.node.value, int | float):  # type: ignore[attr-defined]
            raise TemplateError("arithmetic is not allowed", line=node.lineno)

    def _expr_Test(self, node: nodes.Test, bound: frozenset[str], required: bool) -> None:
        if node.name not in ("defined", "none"):
            raise TemplateError(f"'is {node.name}' is not allowed; 'is defined' and 'is none' are", line=node.lineno)
        if node.args or node.kwargs or node.dyn_args is not None or node.dyn_kwargs is not None:
            raise TemplateError(f"'is {node.name}' takes no arguments", line=node.lineno)
        self._expr(node.node, bound, required=node.name != "defined")

    def _expr_Filter(self, node: nodes.Filter, bound: frozenset[str], required: bool) -> None:
        if node.name not in FILTERS:
            raise TemplateError(
                f"no filter {node.name!r}{did_you_mean(node.name, FILTERS)}; there are {', '.join(FILTERS)}",
                line=node.lineno,
            )
        if node.dyn_args is not None or node.dyn_kwargs is not None or node.node is None:
            raise TemplateError(f"the filter {node.name!r} is used in a way that is not allowed", line=node.lineno)
        self._expr(node.node, bound, required=required and node.name != "default")
        for argument in (*node.args, *(pair.value for pair in node.kwargs)):
            self._expr(argument, bound, required=True)


_WORDS = {
    "Call": "calling a function", "Add": "arithmetic", "Sub": "arithmetic", "Mul": "arithmetic",
    "Div": "arithmetic", "FloorDiv": "arithmetic", "Mod": "arithmetic", "Pow": "arithmetic", "Pos": "arithmetic",
    "Concat": "'~'", "CondExpr": "'a if b else c'", "Dict": "a dict", "Slice": "a slice", "Assign": "set",
    "AssignBlock": "set", "Macro": "macro", "CallBlock": "call", "FilterBlock": "a filter block", "Block": "block",
    "Include": "include", "Import": "import", "FromImport": "import", "Extends": "extends", "With": "with",
    "NSRef": "a namespace",
}  # fmt: skip


def _refused(kind: str, line: int) -> TemplateError:
    return TemplateError(f"{_WORDS.get(kind, kind)} is not allowed in a template; {_RAW_HINT}", line=line)


def constant_index(node: nodes.Getitem) -> str | int:
    """Return the constant between brackets. Raises `TemplateError` for anything else."""
    index: Any = node.arg
    sign = 1
    if type(index).__name__ == "Neg":
        index, sign = index.node, -1
    if type(index).__name__ == "Const" and isinstance(index.value, int | str) and not isinstance(index.value, bool):
        return sign * index.value if isinstance(index.value, int) else index.value
    raise TemplateError("an index must be a number or a text, as in items[0]", line=node.lineno)


def target_names(target: Any) -> tuple[str, ...]:
    """Return the variables of a for loop. Raises `TemplateError` when they are no names."""
    if type(target).__name__ == "Name":
        return (target.name,)
    if type(target).__name__ == "Tuple" and all(type(item).__name__ == "Name" for item in target.items):
        return tuple(item.name for item in target.items)
    raise TemplateError("a for loop's variable must be a name", line=target.lineno)


def _defined_when(test: Any, *, holds: bool) -> frozenset[str]:
    """Return the names that must be defined when `test` holds, or does not hold."""
    kind = type(test).__name__
    if kind == "Not":
        return _defined_when(test.node, holds=not holds)
    if kind == ("And" if holds else "Or"):
        return _defined_when(test.left, holds=holds) | _defined_when(test.right, holds=holds)
    if kind == "Test" and test.name == "defined" and holds:
        asked = test.node
        while type(asked).__name__ in ("Getattr", "Getitem"):
            asked = asked.node
        return frozenset({asked.name}) if type(asked).__name__ == "Name" else frozenset()
    return frozenset()


def _names_in(node: nodes.Node) -> Iterator[str]:
    from jinja2 import nodes as jinja_nodes

    if isinstance(node, jinja_nodes.Name):
        yield node.name
    for name in node.find_all(jinja_nodes.Name):
        yield name.name
