"""Which names a piece of code takes from around it."""

from __future__ import annotations

import ast
import dis
import types
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LOADS = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}

Body = list[ast.stmt]


def free_names(text: str) -> list[str]:
    """Return the names that definitions look up outside of themselves, when they are made and when they run."""
    return sorted(_looked_up(compile(text, "<source>", "exec", dont_inherit=True), with_stored=True))


def free_names_of_body(body: Body) -> list[str]:
    """Return the names that a function's body takes from outside; a name that it declares global is none of them."""
    return sorted(_looked_up(function_code("body", body, (), "<source>"), with_stored=False))


def global_names_of_body(body: Body) -> list[str]:
    """Return all names of the module around that a function's body uses, those that it changes among them."""
    return sorted(_looked_up(function_code("body", body, (), "<source>"), with_stored=True))


def function_code(name: str, body: Body, parameters: Iterable[str], filename: str) -> types.CodeType:
    """Compile a body as a function with these keyword parameters. Raises SyntaxError."""
    make = ast.AsyncFunctionDef if is_async(body) else ast.FunctionDef
    given = [ast.arg(arg=parameter) for parameter in parameters]
    definition = make(
        name=name,
        args=ast.arguments(
            posonlyargs=[], args=[], kwonlyargs=given, kw_defaults=[None] * len(given), defaults=[]
        ),
        body=body,
        decorator_list=[],
        lineno=body[0].lineno,
        col_offset=0,
        end_lineno=body[-1].end_lineno,
        end_col_offset=body[-1].end_col_offset,
    )  # fmt: skip
    module = ast.fix_missing_locations(ast.Module(body=[definition], type_ignores=[]))
    compiled = compile(module, filename, "exec", dont_inherit=True)
    return next(constant for constant in compiled.co_consts if isinstance(constant, types.CodeType))


def is_async(body: Body) -> bool:
    """Whether a body needs an async function around it."""
    stack: list[ast.AST] = list(body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith):
            return True
        if isinstance(node, ast.comprehension) and node.is_async:
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            stack.extend(ast.iter_child_nodes(node))
    return False


def _looked_up(code: types.CodeType, *, with_stored: bool) -> set[str]:
    found, local, changed = set(), set(), set()
    for instruction in dis.get_instructions(code):
        if instruction.opname in _LOADS:
            found.add(str(instruction.argval))
        elif instruction.opname == "STORE_NAME":
            local.add(str(instruction.argval))
        elif instruction.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
            changed.add(str(instruction.argval))
    found -= local | {"__name__"}
    found = found | changed if with_stored else found - changed
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= _looked_up(constant, with_stored=with_stored)
    return found


def attribute_chains(text: str, root: str) -> set[str]:
    """Return the dotted names that begin with `root`, such as ``os.path.join``."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        parts = []
        at: ast.AST = node
        while isinstance(at, ast.Attribute):
            parts.append(at.attr)
            at = at.value
        if isinstance(at, ast.Name) and at.id == root and parts:
            found.add(".".join([root, *reversed(parts)]))
    return found
