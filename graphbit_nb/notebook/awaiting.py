"""Turns `%graphbit run` into an awaited call, so that the kernel stays alive while the cell waits.

IPython does not await what a magic returns. An input transformer therefore rewrites the calls that IPython makes of
magics, from ``run_line_magic('graphbit', 'run')`` to ``(await run_line_magic('_graphbit_await', 'run'))``, wherever an
await is allowed. It also rewrites cell magics with an empty body, which IPython would refuse in a way that nbval does
not notice. Inside another cell magic, in a function, or in a terminal, nothing is rewritten and the call blocks.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = ("graphbit", "gb")
AWAITED = "_graphbit_await"

_CLOSED = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.GeneratorExp, ast.ListComp, ast.SetComp,
    ast.DictComp, ast.Await,
)  # fmt: skip


class AwaitRuns:
    """The input transformer. Registered with IPython, which calls it with the lines of each cell."""

    has_side_effects = False

    def __init__(self, is_run: Callable[[str, bool], bool]) -> None:
        self._is_run = is_run
        self._inside = False

    def __call__(self, lines: list[str]) -> list[str]:
        """Rewrite the calls in already transformed lines of code."""
        text = "".join(lines)
        if self._inside or not any(f"_magic('{name}'" in text for name in NAMES):
            return lines
        try:
            tree = ast.parse(text)
        except SyntaxError:
            return lines
        calls = sorted(self._calls(tree), key=lambda call: (call.lineno, call.col_offset), reverse=True)
        rows = [line.encode() for line in text.splitlines(keepends=True)]
        for call in calls:
            row = call.lineno - 1
            assert call.end_lineno is not None  # noqa: S101 (ast.parse always says)
            assert call.end_col_offset is not None  # noqa: S101
            if call.end_lineno == call.lineno:
                start, end = call.col_offset, call.end_col_offset
                rows[row] = rows[row][:start] + self._rewritten(call).encode() + rows[row][end:]
        return [row.decode() for row in rows]

    def _calls(self, tree: ast.AST) -> list[ast.Call]:
        found = []
        stack = [tree]
        while stack:
            node = stack.pop()
            if isinstance(node, ast.Call) and (told := _magic(node)) is not None:
                line, body = told
                if self._is_run(line, body is not None) or body == "":
                    found.append(node)
            stack += [child for child in ast.iter_child_nodes(node) if not isinstance(child, _CLOSED)]
        return found

    def _rewritten(self, call: ast.Call) -> str:
        told = _magic(call)
        assert told is not None  # noqa: S101 (only such calls are collected)
        line, body = told
        name = AWAITED if self._is_run(line, body is not None) else NAMES[0]
        if body is None:
            text = f"get_ipython().run_line_magic({name!r}, {line!r})"
        else:
            # IPython refuses '' itself, by a message that does not fail nbval; a line break comes to us.
            text = f"get_ipython().run_cell_magic({name!r}, {line!r}, {body or chr(10)!r})"
        return f"(await {text})" if name == AWAITED else text

    # ---- IPython's events: while a cell runs, a transformation is for a cell magic inside it

    def before_cell(self, *_: Any) -> None:
        """A cell begins to run."""
        self._inside = True

    def after_cell(self, *_: Any) -> None:
        """A cell has run."""
        self._inside = False


def never(_line: str, _has_body: bool) -> bool:
    """Say of every line that it is not awaited."""
    return False


def _magic(call: ast.Call) -> tuple[str, str | None] | None:
    """Return line and body of a call of our magic; the body is None for a line magic."""
    function = call.func
    if not (isinstance(function, ast.Attribute) and function.attr in ("run_line_magic", "run_cell_magic")):
        return None
    values = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
    if len(values) != len(call.args) or len(values) < 2 or values[0] not in NAMES:
        return None
    body = values[2] if function.attr == "run_cell_magic" and len(values) > 2 else None
    return str(values[1]), None if body is None else str(body)
