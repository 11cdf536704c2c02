"""Whose a module is: Python's, an installed package's, or the user's own."""

from __future__ import annotations

import sys
from functools import lru_cache


def is_of_python(module: str) -> bool:
    """Whether a module comes with Python."""
    top = module.partition(".")[0]
    return top in sys.stdlib_module_names and top != "__main__"


def version_of(top: str) -> str | None:
    """Return the version of the installed package that a module is of; None for a module of the user's own.

    Args:
        top: Name of the outermost module; it need not be loaded.
    """
    if top == "__main__":
        return None
    module = sys.modules.get(top)
    if module is None:
        return _told(top)
    places = [getattr(module, "__file__", None) or "", *map(str, getattr(module, "__path__", ()))]
    is_installed = any("site-packages" in place or "dist-packages" in place for place in places)
    if not is_installed and top != "graphbit_nb":
        is_built_in = not any(places) and getattr(module, "__spec__", None) is not None
        return "built in" if is_built_in else None
    told = getattr(module, "__version__", None)
    return told if isinstance(told, str) else _told(top) or "unknown"


@lru_cache(maxsize=256)
def _told(top: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, packages_distributions, version

    for name in (top, *packages_distributions().get(top, ())):
        try:
            return version(name)
        except (PackageNotFoundError, ValueError):
            continue
    return None
