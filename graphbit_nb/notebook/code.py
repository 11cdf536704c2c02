"""The body of a python cell as a function: free names become inputs, lines in tracebacks are the cell's."""

from __future__ import annotations

import ast
import builtins
import dis
import linecache
import types
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import DefinitionError
from graphbit_nb.templating import Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_ASYNC = (ast.Await, ast.AsyncFor, ast.AsyncWith)


class CellFunction:
    """A function's body that was written in a cell.

    Args:
        name: Name of the node.
        body: The lines below the magic's.
        namespace: The notebook's variables: the function's globals.
        place: How tracebacks call the cell, for example ``"In [3]"``.
        first_line: Line of the cell on which the body begins.

    Attributes:
        source: The body as it was written.
        namespace: The notebook's variables.
        place: How tracebacks call the cell.
        references: The free names. Functions, classes and modules of the notebook are soft: they are just used, unless
            a node is called so. Any other name is a node or an input, so that a run can be given another value.
        has_return: Whether the body gives a value.

    Raises:
        DefinitionError: the body is not Python.
    """

    def __init__(self, name: str, body: str, namespace: dict[str, Any], place: str, first_line: int = 2) -> None:
        self.__name__ = self.__qualname__ = name
        self.source = body
        self.namespace = namespace
        self.place = place
        self._filename = f"<{place}>"
        self._offset = first_line - 1
        try:
            self._tree = ast.parse(body, self._filename)
            if not self._tree.body:
                raise DefinitionError(f"{name}: the body is empty")
            if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in _own_nodes(self._tree.body)):
                raise DefinitionError(f"{name}: a node gives one value: use return, not yield")
            self._is_async = any(_is_async(node) for node in _own_nodes(self._tree.body))
            self.has_return = any(isinstance(node, ast.Return) for node in _own_nodes(self._tree.body))
            ast.increment_lineno(self._tree, self._offset)
            names = sorted(_global_names(self.bind(()).__code__))
        except SyntaxError as error:
            # Once the tree is shifted, the compiler's own lines are the cell's already.
            shift = 0 if hasattr(self, "has_return") else self._offset
            line = (error.lineno or 1) + shift
            text = (error.text or "").strip()
            if text.startswith(("!", "%")) or "= !" in text:
                raise DefinitionError(
                    f"{name}: line {line}: shell and magic lines do not work in a node: {text}; use subprocess"
                ) from None
            raise DefinitionError(f"{name}: line {line}: {error.msg}" + (f": {text}" if text else "")) from None
        lines = ("\n" * self._offset + body).splitlines(keepends=True)
        linecache.cache[self._filename] = (len(body), None, lines, self._filename)
        self.references = tuple(
            Reference(found, required=not self._is_tool(found), soft=self._is_tool(found)) for found in names
        )

    def bind(self, names: tuple[str, ...]) -> Callable[..., Any]:
        """Return the body as a function with these keyword parameters."""
        make = ast.AsyncFunctionDef if self._is_async else ast.FunctionDef
        arguments = ast.arguments(
            posonlyargs=[], args=[], kwonlyargs=[ast.arg(arg=name) for name in names],
            kw_defaults=[None] * len(names), defaults=[],
        )  # fmt: skip
        body = self._tree.body
        definition = make(
            name=self.__name__, args=arguments, body=body, decorator_list=[], lineno=body[0].lineno, col_offset=0,
            end_lineno=body[-1].end_lineno, end_col_offset=body[-1].end_col_offset,
        )  # fmt: skip
        module = ast.fix_missing_locations(ast.Module(body=[definition], type_ignores=[]))
        compiled = compile(module, self._filename, "exec", dont_inherit=True)
        code = next(constant for constant in compiled.co_consts if isinstance(constant, types.CodeType))
        return types.FunctionType(code, self.namespace, self.__name__)

    def shadows(self, name: str) -> bool:
        """Whether a node of this name hides a variable of the notebook, or a builtin, from the body."""
        return (name in self.namespace or hasattr(builtins, name)) and any(
            reference.name == name for reference in self.references
        )

    def tools(self) -> tuple[str, ...]:
        """Return the names of the notebook's functions, classes and modules that the body works with, sorted."""
        names = (reference.name for reference in self.references)
        return tuple(name for name in names if name in self.namespace and self._is_tool(name))

    def _is_tool(self, name: str) -> bool:
        """Whether the name is something to work with: a function, a class, a module. Anything else is data."""
        if name in self.namespace:
            value = self.namespace[name]
            return callable(value) or isinstance(value, types.ModuleType)
        return hasattr(builtins, name)

    def __repr__(self) -> str:
        return f"<body of {self.__name__}>"


def _own_nodes(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Go through what belongs to the body itself, not to functions and classes in it."""
    stack: list[ast.AST] = list(body)
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, _SCOPES):
            stack.extend(ast.iter_child_nodes(node))


def _is_async(node: ast.AST) -> bool:
    return isinstance(node, _ASYNC) or (isinstance(node, ast.comprehension) and bool(node.is_async))


def _global_names(code: types.CodeType) -> set[str]:
    """Names that are looked up outside the function; a class's own names count only if they are global as well."""
    found = {str(i.argval) for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    stored = {str(i.argval) for i in dis.get_instructions(code) if i.opname == "STORE_NAME"}
    # What the body declares global is the notebook's own variable, to be changed; it is no input.
    found -= stored | {str(i.argval) for i in dis.get_instructions(code) if i.opname == "STORE_GLOBAL"} | {"__name__"}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= _global_names(constant)
    return found
