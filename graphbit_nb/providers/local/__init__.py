"""The embedded model: a small language model that runs on this machine and needs no key."""

from __future__ import annotations

from importlib.util import find_spec

RUNTIME = "xllamacpp"


def is_available() -> bool:
    """Say whether the runtime's package is installed, without importing it."""
    return find_spec(RUNTIME) is not None
