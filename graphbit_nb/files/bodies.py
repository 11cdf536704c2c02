"""A function's body that was read from a file: free names become inputs, lines in tracebacks are the file's."""

from __future__ import annotations

import ast
import linecache
import types
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import DefinitionError
from graphbit_nb.files.names import free_names_of_body, function_code
from graphbit_nb.templating import Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Collection


class FileBody:
    """The body of a python or condition node, as `FreeNames` wants it.

    Args:
        name: Name of the node.
        source: The body.
        namespace: The functions, classes and modules that it uses.
        inputs: Which of its free names must have a value; the others are used as they are in `namespace`, unless a
            node is called so.
        place: How tracebacks call it.

    Attributes:
        references: The free names.

    Raises:
        DefinitionError: the body is not Python, or does not read one of `inputs`.
    """

    def __init__(self, name: str, source: str, namespace: dict[str, Any], inputs: Collection[str], place: str) -> None:
        self.__name__ = self.__qualname__ = name
        self.source = source
        self._namespace = namespace
        self._filename = f"<{place}>"
        try:
            self._body = ast.parse(source, self._filename).body
            if not self._body:
                raise DefinitionError("the body is empty")
            names = free_names_of_body(self._body)
        except SyntaxError as error:
            raise DefinitionError(f"line {error.lineno or 1} of the body: {error.msg}") from None
        except (ValueError, RecursionError, MemoryError) as error:
            raise DefinitionError(f"the body is not Python: {error}") from None
        for given in inputs:
            if given not in names:
                raise DefinitionError(
                    f"inputs: the body does not read {given!r}; it reads {', '.join(names) or 'nothing'}"
                )
        linecache.cache[self._filename] = (len(source), None, source.splitlines(keepends=True), self._filename)
        self.references = tuple(Reference(found, required=found in inputs, soft=found not in inputs) for found in names)

    def bind(self, names: tuple[str, ...]) -> Callable[..., Any]:
        """Return the body as a function with these keyword parameters."""
        code = function_code(self.__name__, self._body, names, self._filename)
        return types.FunctionType(code, self._namespace, self.__name__)

    def __repr__(self) -> str:
        return f"<body of {self.__name__}>"
