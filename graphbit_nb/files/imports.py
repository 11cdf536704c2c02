"""Import lines: how another process gets at a module, or at what a module defines."""

from __future__ import annotations

import ast
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphbit_nb.files.source import parsed

if TYPE_CHECKING:
    import types
    from collections.abc import Iterable, Iterator

_INSTALLED = tuple(
    Path(path).resolve() for key in ("stdlib", "platstdlib", "purelib", "platlib") if (path := sysconfig.get_path(key))
)


def installed(module: str | None) -> bool:
    """Whether a module is a part of Python or of an installed package, and no file of the user's."""
    found = sys.modules.get(module or "")
    if found is None or module == "__main__":
        return False
    if (file := getattr(found, "__file__", None)) is None:
        return getattr(found, "__spec__", None) is not None
    return Path(file).resolve().is_relative_to(_INSTALLED[0]) or any(
        Path(file).resolve().is_relative_to(place) for place in _INSTALLED
    )


def module_import(name: str, module: types.ModuleType, chains: Iterable[str]) -> set[str]:
    """Return the lines that import a module under a name, and those of its modules that `chains` lead into."""
    path = module.__name__
    if path == name:
        inner = {sub for chain in chains if (sub := _longest_module(chain)) != name}
        return {f"import {sub}" for sub in inner} or {f"import {name}"}
    package, _, last = path.rpartition(".")
    if package and last == name:
        return {f"from {package} import {name}"}
    return {f"import {path} as {name}"}


def _longest_module(chain: str) -> str:
    while chain not in sys.modules and "." in chain:
        chain = chain.rpartition(".")[0]
    return chain


def import_of(name: str, value: Any, home: str = "") -> str | None:
    """Return the line that imports a value under a name; None when no module has it to give."""
    own: Any = getattr(value, "__name__", None) or getattr(value, "_name", None)
    module = getattr(value, "__module__", None)
    is_named = isinstance(own, str) and own.isidentifier()
    if is_named and isinstance(module, str) and module not in ("__main__", home) and _can_be_found(module):
        return _line(module, own, name) if getattr(sys.modules[module], own, None) is value else None
    for module, own in _imported_in(home, name):
        if getattr(sys.modules.get(module), own, None) is value:
            return _line(module, own, name)
    return None


def _can_be_found(module: str) -> bool:
    """Whether another process can import it: it was not made up in this one."""
    return getattr(sys.modules.get(module), "__spec__", None) is not None


def _line(module: str, own: str, name: str) -> str:
    return f"from {module} import {own}" + (f" as {name}" if own != name else "")


def _imported_in(home: str, name: str) -> Iterator[tuple[str, str]]:
    """Go through what the text of a module, or the cells of a notebook, import under a name."""
    module = sys.modules.get(home)
    cells = getattr(module, "In", None)
    file = getattr(module, "__file__", None)
    texts = [text for text in reversed(cells) if isinstance(text, str)] if isinstance(cells, list) else []
    if not texts and file and Path(file).is_file():
        texts = [Path(file).read_text(encoding="utf-8", errors="replace")]
    for text in texts:
        for node in ast.walk(parsed(text) or ast.Module([], [])):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        yield node.module, alias.name
