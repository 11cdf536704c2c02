"""``%config GraphbitMagics.NAME = VALUE``: a slip is refused, where IPython prints it and goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traitlets import TraitError
from traitlets.config import Config
from traitlets.config.loader import DeferredConfig

from graphbit_nb.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphbit_nb.notebook.magics import GraphbitMagics

OURS = "GraphbitMagics"


class ConfigMagic:
    """Stands in for IPython's ``%config``, which it asks for everything that is not ours.

    Args:
        magics: Whose settings are ours.
        others: IPython's own.
    """

    def __init__(self, magics: GraphbitMagics, others: Callable[[str], Any]) -> None:
        self.others = others
        self._magics = magics
        self.__doc__ = others.__doc__

    def __call__(self, line: str) -> Any:
        """Serve ``%config``. Raises `UsageError` for a slip in one of our settings."""
        name, is_set, value = (part.strip() for part in line.partition("="))
        owner, dot, setting = name.partition(".")
        if owner != OURS and owner.casefold() == OURS.casefold():
            raise UsageError(f"%config: no {owner!r}; did you mean {OURS!r}?")
        if owner == OURS and dot:
            _refuse_unknown(self._magics, setting)
            if is_set:
                return set_default(self._magics, setting, value)
        return self.others(line)


def set_default(magics: GraphbitMagics, name: str, source: str) -> None:
    """Set one of the defaults from what the user has written. Raises `UsageError`."""
    _refuse_unknown(magics, name)
    try:
        value = eval(source, magics.namespace)  # noqa: S307 (the user's own code, as IPython's %config runs it)
    except Exception as error:  # noqa: BLE001 (the user's own code)
        quoted = f"; a text has quotes: {source!r}" if source.isidentifier() else ""
        raise UsageError(f"%config {OURS}.{name}: {source} cannot be read: {error}{quoted}") from None
    change(magics, name, value)


def change(magics: GraphbitMagics, name: str, value: Any) -> None:
    """Set one of the defaults, also for when it is asked for again. Raises `UsageError`."""
    _refuse_unknown(magics, name)
    try:
        if isinstance(value, DeferredConfig):  # from a command line, a text still
            value = value.get_value(magics.traits()[name])
        setattr(magics, name, value)
    except (TraitError, ValueError) as error:
        raise UsageError(f"%config {OURS}.{name}: {_said(error)}") from None
    magics.update_config(Config({OURS: {name: value}}))


def _refuse_unknown(magics: GraphbitMagics, name: str) -> None:
    known = sorted(magics.trait_names(config=True))
    if name not in known:
        near = did_you_mean(name, known) or f"; there are {', '.join(known)}"
        raise UsageError(f"%config {OURS}: no setting {name!r}{near}")


def _said(error: Exception) -> str:
    """Return what traitlets says, without the words about its own classes."""
    return str(error).partition(" trait of a GraphbitMagics instance ")[2] or str(error)
