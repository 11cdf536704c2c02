"""The code of a file, once it is trusted: compiled into a module of its own, with lines that tracebacks can show."""

from __future__ import annotations

import ast
import builtins
import itertools
import linecache
import sys
import types
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import DefinitionError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

_numbers = itertools.count(1)


class LoadedCode:
    """Runs a file's code and finds its functions.

    Args:
        name: What the file is called.
        text: Its code.
        namespace: Where the code is run; None makes a module of its own.

    Attributes:
        namespace: What the code has defined.

    Raises:
        DefinitionError: the code does not run.
    """

    def __init__(self, name: str, text: str | None, namespace: dict[str, Any] | None = None) -> None:
        self._name = name
        self._number = next(_numbers)
        if namespace is None:
            module = types.ModuleType(f"graphbit_file_{self._number}", f"The code of {name}.")
            module.__file__ = self.place("code")
            sys.modules[module.__name__] = module  # where pydantic and dataclasses look up what annotations name
            namespace = module.__dict__
        self.namespace = namespace
        if text:
            self._run(text)

    def place(self, what: str) -> str:
        """Return how tracebacks call a piece of the file."""
        return f"<{self._name} {what} #{self._number}>"

    def _run(self, text: str) -> None:
        try:
            code = self._compiled(text, "code", "exec")
            exec(code, self.namespace)  # noqa: S102 (this is what trust=True asks for)
        except DefinitionError:
            raise
        except ModuleNotFoundError as error:
            raise DefinitionError(f"the code needs {error.name!r}, which is not installed here") from None
        except (Exception, SystemExit) as error:
            raise DefinitionError(f"the code does not run: {type(error).__name__}: {error}") from error

    def function(self, text: str, place: str) -> Callable[..., Any]:
        """Return the function that a text names, or the lambda that it is.

        Raises:
            DefinitionError: it is neither.
        """
        try:
            node = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            node = ast.Constant(None)
        if isinstance(node, ast.Lambda):
            made: Callable[..., Any] = eval(self._compiled(text.strip(), place, "eval"), self.namespace)  # noqa: S307
            return made
        path: list[str] = []
        while isinstance(node, ast.Attribute):
            path.insert(0, node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            raise DefinitionError(f"function: {text[:60]!r} is neither a name of the code nor a lambda")
        found: Callable[..., Any] | None = self.namespace.get(node.id, getattr(builtins, node.id, None))
        for attribute in path:
            found = getattr(found, attribute, None)
        if found is None or not callable(found):
            known = [name for name, value in self.namespace.items() if callable(value)]
            raise DefinitionError(f"function: the code defines no function {text.strip()!r}{did_you_mean(text, known)}")
        return found

    def _compiled(self, text: str, what: str, mode: str) -> types.CodeType:
        filename = self.place(what)
        try:
            code: types.CodeType = compile(text, filename, mode, dont_inherit=True)
        except SyntaxError as error:
            raise DefinitionError(f"{what}, line {error.lineno or 1}: {error.msg}") from None
        except (ValueError, RecursionError, MemoryError) as error:
            raise DefinitionError(f"{what}: this is not Python: {error}") from None
        linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
        return code
