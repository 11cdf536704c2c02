"""The source of functions and classes, cut out so that it means the same anywhere else, or refused."""

from __future__ import annotations
import __future__

import ast
import inspect
import linecache
import sys
import types
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

FUTURE_ANNOTATIONS = __future__.annotations.compiler_flag

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def function_source(fn: types.FunctionType) -> str:
    """Return the text that defines a function: its ``def`` with decorators, or a ``lambda`` alone.

    Raises:
        UsageError: the text is not there, or is not what runs.
    """
    called = f"the function {fn.__qualname__!r}"
    if fn.__closure__:
        names = ", ".join(fn.__code__.co_freevars)
        raise UsageError(f"{called} takes {names} from the function around it; make it a function of its own")
    try:
        lines, _ = inspect.getsourcelines(fn)
    except (OSError, TypeError, SyntaxError, IndentationError):
        raise UsageError(f"the source of {called} cannot be found; define it in a cell or a file") from None
    found = _lambda_in if fn.__name__ == "<lambda>" else _def_in
    return found(fn, "".join(lines), called)


def _def_in(fn: types.FunctionType, text: str, called: str) -> str:
    dedented = dedent(text)
    tree = parsed(dedented)
    if tree is None or not tree.body or not isinstance(tree.body[0], ast.FunctionDef | ast.AsyncFunctionDef):
        raise UsageError(f"the source of {called} cannot be told from what is around it; define it on its own")
    if not any(_same_code(code, fn.__code__) for code in _codes(dedented, fn)):
        raise UsageError(f"the source of {called} is not what runs: it was changed since; define or import it again")
    return dedented.rstrip() + "\n"


def _lambda_in(fn: types.FunctionType, text: str, called: str) -> str:
    """Find the lambda in the lines that hold it: the one whose code is the function's."""
    found = {cut for cut in _cut_out(text) if any(_same_code(code, fn.__code__) for code in _codes(f"({cut})", fn))}
    if len(found) != 1:
        raise UsageError(f"the source of {called} cannot be told from what is around it; write it as a def")
    (only,) = found
    return f"({only})" if "\n" in only else only


def _cut_out(text: str) -> Iterator[str]:
    """Go through what begins with "lambda", each as far as it can be read."""
    at = text.find("lambda")
    while at >= 0:
        for end in range(len(text), at, -1):
            tree = parsed(f"({text[at:end]})")
            if tree is not None and isinstance(getattr(tree.body[0], "value", None), ast.Lambda):
                yield text[at:end].strip()
                break
        at = text.find("lambda", at + 1)


def _codes(source: str, fn: types.FunctionType) -> Iterator[types.CodeType]:
    """Compile a source as it was compiled where it stands, and go through what it makes under the function's name."""
    flags = fn.__code__.co_flags & FUTURE_ANNOTATIONS
    # What is called on an imported name compiles to other code, so the names are imported here as well.
    imports = "".join(f"import sys as {name}\n" for name in sorted(_imported_around(fn)))
    try:
        stack = [compile(imports + source, fn.__code__.co_filename, "exec", flags=flags, dont_inherit=True)]
    except (SyntaxError, ValueError):
        return
    while stack:
        code = stack.pop()
        if code.co_name == fn.__code__.co_name:
            yield code
        stack.extend(constant for constant in code.co_consts if isinstance(constant, types.CodeType))


def _imported_around(fn: types.FunctionType) -> set[str]:
    tree = parsed("".join(linecache.getlines(fn.__code__.co_filename, fn.__globals__)))
    stack: list[ast.AST] = list(tree.body if tree is not None else ())
    found: set[str] = set()
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr):
            stack.extend(ast.iter_child_nodes(node))
    return found - {"*"}


def _same_code(one: types.CodeType, other: types.CodeType) -> bool:
    """Whether two pieces of code do the same, wherever they stand."""
    return (
        one.co_code == other.co_code
        and (one.co_names, one.co_varnames) == (other.co_names, other.co_varnames)
        and one.co_argcount == other.co_argcount
        and len(one.co_consts) == len(other.co_consts)
        and all(map(_same_constant, one.co_consts, other.co_consts))
    )


def _same_constant(one: Any, other: Any) -> bool:
    if isinstance(one, types.CodeType) and isinstance(other, types.CodeType):
        return _same_code(one, other)
    return type(one) is type(other) and repr(one) == repr(other)


def class_source(cls: type) -> str:
    """Return the text that defines a class.

    Raises:
        UsageError: it cannot be found.
    """
    try:
        source = dedent(inspect.getsource(cls))
    except (OSError, TypeError):  # a class of a notebook has no file to look into
        source = _in_cells(cls)
    if not source:
        raise UsageError(f"the source of the class {cls.__qualname__!r} cannot be found; define it in a file or a cell")
    return source.rstrip() + "\n"


def _in_cells(cls: type) -> str:
    cells = getattr(sys.modules.get(cls.__module__), "In", None)
    texts = list(cells) if isinstance(cells, list) else []
    if not texts:
        cached = [entry for entry in linecache.cache.values() if len(entry) == 4 and entry[1] is None]
        texts = ["".join(entry[2]) for entry in cached]
    for text in reversed(texts):
        tree = parsed(text)
        for node in reversed(tree.body if tree is not None else []):
            if isinstance(node, ast.ClassDef) and node.name == cls.__name__ and _fits(node, cls):
                return segment(text, node)
    return ""


def _fits(node: ast.ClassDef, cls: type) -> bool:
    """Whether a class statement has the fields and methods that the class has."""
    fields = {
        part.target.id for part in node.body if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
    }
    methods = {part.name for part in node.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)}
    return fields == set(vars(cls).get("__annotations__", fields)) and all(hasattr(cls, name) for name in methods)


def segment(text: str, node: Definition) -> str:
    """Return the lines of a definition, with its decorators."""
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return "\n".join(text.split("\n")[first - 1 : node.end_lineno]) + "\n"


def parsed(text: str) -> ast.Module | None:
    """Return the syntax tree, or None for what is no Python."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def dedent(text: str) -> str:
    """Take the indentation of the first line off every line, except inside of texts that go over several lines."""
    first = next((line for line in text.split("\n") if line.strip()), "")
    depth = first[: len(first) - len(first.lstrip())]
    if not depth:
        return text
    inside = _lines_in_texts("if 1:\n" + text, shift=1)
    lines = text.split("\n")
    return "\n".join(
        line if number in inside or not line.startswith(depth) else line[len(depth) :]
        for number, line in enumerate(lines, start=1)
    )


def indent(text: str, by: str = "    ") -> str:
    """Indent every line, except inside of texts that go over several lines."""
    inside = _lines_in_texts(text)
    return "\n".join(
        line if number in inside or not line.strip() else by + line
        for number, line in enumerate(text.split("\n"), start=1)
    )


def _lines_in_texts(text: str, shift: int = 0) -> frozenset[int]:
    """Return the lines on which a text goes on that began above."""
    found: set[int] = set()
    for node in ast.walk(parsed(text) or ast.Module([], [])):
        if not isinstance(node, ast.JoinedStr | ast.Constant) or node.end_lineno is None:
            continue
        if isinstance(node, ast.JoinedStr) or isinstance(node.value, str | bytes):
            found.update(range(node.lineno + 1 - shift, node.end_lineno + 1 - shift))
    return frozenset(found)
