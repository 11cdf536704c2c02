"""What code needs around it, collected until nothing is missing: imports, constants, functions and classes."""

from __future__ import annotations

import builtins
import inspect
import logging
import re
import sys
import types
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import UsageError
from graphbit_nb.files import python_text, source
from graphbit_nb.files.imports import import_of, installed, module_import
from graphbit_nb.files.names import attribute_chains, free_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LONGEST = 20_000
"""Characters of one constant; what is longer is data, and belongs into an input."""


class Definitions:
    """Names of code, with the text that makes each of them. What one needs stands before it."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._imports: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._needs_future = False

    def text(self) -> str:
        """Return everything as the text of a module; empty when there is nothing."""
        lines = {line for given in self._imports.values() for line in given.split("\n")}
        if self._needs_future:
            lines.add("from __future__ import annotations")
        parts = [sorted_imports(lines)]
        last = "import" if parts[0] else ""
        for text in self._texts.values():
            is_constant = not _is_definition(text)
            if last == "import" and is_constant:
                parts.append("\n")
            elif last and not (is_constant and last == "constant"):
                parts.append("\n\n")
            parts.append(text)
            last = "constant" if is_constant else "definition"
        return "".join(parts)

    # ---- what is added

    def add_function(self, fn: Any, place: str) -> str:
        """Add a function, and all that it needs; return the expression that names it.

        Raises:
            UsageError: it cannot be carried over.
        """
        if isinstance(fn, types.FunctionType) and fn.__name__ == "<lambda>":
            text = self._told(place, source.function_source, fn)
            self._add_needs(f"({text})", fn.__globals__, fn.__module__, f"{place}: the lambda")
            return text
        if not isinstance(fn, type) and not inspect.isroutine(fn) and not hasattr(fn, "__wrapped__"):
            what = "a functools.partial" if type(fn).__name__ == "partial" else f"an object of {type(fn).__name__}"
            raise UsageError(f"{place}: {what} cannot be written to a file; write a function that calls it")
        if inspect.ismethod(fn) and not isinstance(fn.__self__, type):
            raise UsageError(f"{place}: {fn.__qualname__} is a method of an object; write a function that calls it")
        name = getattr(fn, "__name__", "")
        if getattr(builtins, name, None) is fn and name not in self._values:
            return name
        if installed(getattr(fn, "__module__", None)) and (line := import_of(name, fn)) is not None:
            if self._put(name, fn, place):
                self._imports[name] = line
            return name
        inner = inspect.unwrap(fn)
        name = inner.__code__.co_name if isinstance(inner, types.FunctionType) else name
        self._add_definition(name, fn, place)
        return name

    def add_class(self, name: str, cls: Any, place: str) -> None:
        """Add a class that a declared output is made of. Raises `UsageError`."""
        if getattr(builtins, name, None) is not cls:
            self._add(name, cls, "", place)

    def add_body(self, text: str, needed: Iterable[str], namespace: Mapping[str, Any], place: str) -> None:
        """Add what a cell's body takes from the notebook. Raises `UsageError`."""
        home = str(namespace.get("__name__", ""))
        for name in needed:
            if name in namespace:
                self._add(name, namespace[name], home, place, used_in=f"def body():\n{source.indent(text)}")

    def _add(self, name: str, value: Any, home: str, place: str, used_in: str = "") -> None:
        """Add what the code of the module `home` calls `name`."""
        if isinstance(value, types.ModuleType):
            if value.__name__ == "__main__":
                raise UsageError(f"{place} uses {name}, which is the notebook or the program itself")
            self._put(name, value, place)
            chains = attribute_chains(used_in, name) if used_in and name == value.__name__ else set()
            self._imports[name] = "\n".join(
                sorted({*filter(None, self._imports.get(name, "").split("\n")), *module_import(name, value, chains)})
            )
            return
        is_own = isinstance(value, type) or inspect.isroutine(value) or hasattr(value, "__wrapped__")
        module = getattr(value, "__module__", None) if is_own else None
        foreign = not is_own or module != home or installed(module)
        if foreign and not _is_plain(value) and (line := import_of(name, value, home)) is not None:
            if self._put(name, value, place):
                self._imports[name] = line
        elif is_own:
            self._add_definition(name, value, place)
        else:
            self._add_constant(name, value, place)

    def _add_definition(self, name: str, value: Any, place: str) -> None:
        inner = value if isinstance(value, type) else inspect.unwrap(value)
        if not isinstance(inner, type | types.FunctionType):
            raise UsageError(f"{place}: {name}, {_described(value)}, cannot be written to a file")
        own = inner.__name__ if isinstance(inner, type) else inner.__code__.co_name
        if own not in (name, "<lambda>"):
            self._add_definition(own, value, place)
            if self._put(name, value, place):
                self._texts[name] = f"{name} = {own}\n"
            return
        if not self._put(name, value, place):
            return
        if isinstance(inner, type):
            text = self._told(place, source.class_source, inner)
            namespace: Mapping[str, Any] = vars(sys.modules.get(inner.__module__, builtins))
            is_later = _has_future(namespace)
        else:
            text = self._told(place, source.function_source, inner)
            namespace = inner.__globals__
            is_later = bool(inner.__code__.co_flags & source.FUTURE_ANNOTATIONS)
            if inner is not value and namespace.get(own) is not value:
                raise UsageError(f"{place}: {name} was wrapped after it was defined; write a function that calls it")
        if own == "<lambda>":
            text = python_text.assignment(name, text) + "\n"
        self._needs_future = self._needs_future or is_later
        self._add_needs(text, namespace, inner.__module__, f"{place}: {name}", is_later=is_later)
        self._texts[name] = text

    def _add_needs(
        self, text: str, namespace: Mapping[str, Any], home: str, place: str, *, is_later: bool = False
    ) -> None:
        certain = free_names("from __future__ import annotations\n" + text) if is_later else None
        for name in free_names(text):
            if name in namespace:
                if certain is None or name in certain or _can_be_added(namespace[name]):
                    self._add(name, namespace[name], home, place, used_in=text)
            elif not hasattr(builtins, name) and (certain is None or name in certain):
                raise UsageError(f"{place} uses {name!r}, which is not defined; define it, or give it as an input")

    def _add_constant(self, name: str, value: Any, place: str) -> None:
        if name in self._texts and self._values.get(name) is value:
            return
        code, needed = self._constant(name, value, place)
        text = python_text.assignment(name, code) + "\n"
        if len(text) > LONGEST:
            raise UsageError(f"{place} uses {name}, which is longer than {LONGEST:,} characters; give it as an input")
        if name in self._values:
            if self._texts.get(name) == text:
                return
            raise _conflict(name, place)
        self._values[name] = value
        if needed is not None:
            self._put(needed[0], needed[1], place)
            self._imports[needed[0]] = needed[2]
        self._texts[name] = text

    def _constant(self, name: str, value: Any, place: str) -> tuple[python_text.Code, tuple[str, Any, str] | None]:
        """Return a value as code, and the import that it needs."""
        if isinstance(value, re.Pattern) and isinstance(value.pattern, str | bytes):
            flags = value.flags & ~(re.UNICODE if isinstance(value.pattern, str) else 0)
            given = [python_text.value(value.pattern, name), *([repr(int(flags))] if flags else [])]
            return python_text.call("re.compile", *given), ("re", re, "import re")
        if isinstance(value, PurePath):
            sort = "Path" if isinstance(value, Path) else "PurePath"
            made = python_text.call(sort, python_text.text(str(value)))
            return made, (sort, Path if sort == "Path" else PurePath, f"from pathlib import {sort}")
        if type(value) is logging.Logger:
            made = python_text.call("logging.getLogger", python_text.text(value.name))
            return made, ("logging", logging, "import logging")
        try:
            code = python_text.value(value, name)
        except (UsageError, RecursionError):
            raise UsageError(
                f"{place} uses {name}, {_described(value)}, which cannot be written to a file; make it inside of the "
                "function, or give it as an input"
            ) from None
        return code, None

    def _put(self, name: str, value: Any, place: str) -> bool:
        """Reserve a name; say whether it is new."""
        if name not in self._values:
            self._values[name] = value
            return True
        if self._values[name] is not value:
            raise _conflict(name, place)
        return False

    @staticmethod
    def _told(place: str, find: Any, wanted: Any) -> str:
        try:
            return str(find(wanted))
        except UsageError as error:
            raise UsageError(f"{place}: {error}") from None


def _conflict(name: str, place: str) -> UsageError:
    return UsageError(f"{place}: two different things are called {name!r}; give one of them another name")


def _described(value: Any) -> str:
    return f"an object of {type(value).__module__}.{type(value).__qualname__}"


def _is_plain(value: Any) -> bool:
    return value is None or type(value) in (bool, int, float, str, bytes, list, tuple, dict, set, frozenset)


def _can_be_added(value: Any) -> bool:
    return isinstance(value, type | types.ModuleType) or inspect.isroutine(value) or _is_plain(value)


def _has_future(namespace: Mapping[str, Any]) -> bool:
    return getattr(namespace.get("annotations"), "compiler_flag", None) == source.FUTURE_ANNOTATIONS


def _is_definition(text: str) -> bool:
    return text.startswith(("def ", "async def ", "class ", "@"))


def sorted_imports(lines: Iterable[str]) -> str:
    """Return import lines in blocks: those from the future, of Python itself, and all others."""
    blocks: tuple[list[str], ...] = ([], [], [])
    for line in sorted(set(lines), key=lambda line: (not line.startswith("import "), line)):
        module = line.split()[1].partition(".")[0]
        blocks[0 if module == "__future__" else 1 if module in sys.stdlib_module_names else 2].append(line)
    return "\n".join("\n".join(block) + "\n" for block in blocks if block)
