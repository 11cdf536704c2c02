"""Asks for what must not be seen: typed into a hidden field, never into a cell."""

from __future__ import annotations

import getpass
import warnings
from typing import TYPE_CHECKING

from graphbit_nb.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable


def asker(otherwise: str) -> Callable[[str], str]:
    """Return what asks for a hidden line.

    Args:
        otherwise: What to do where nobody can type.
    """

    def ask(prompt: str) -> str:
        """Ask. Raises `UsageError` where nobody can type, or what is typed would be seen."""
        from IPython.core.error import StdinNotImplementedError

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", getpass.GetPassWarning)
                return getpass.getpass(prompt)  # by its module: a kernel puts its own there while a cell runs
        except (EOFError, OSError, StdinNotImplementedError, getpass.GetPassWarning):
            raise UsageError(f"nobody can type here unseen; {otherwise}") from None

    return ask
