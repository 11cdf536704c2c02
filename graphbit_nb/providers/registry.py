"""Providers that are not ours, by name: registered by hand, or announced by installed packages."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, ClassVar, TypeVar, overload

from graphbit_nb.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphbit_nb.core.config import LlmConfig
    from graphbit_nb.core.llm import LlmClient

    Factory = Callable[[LlmConfig], LlmClient]

F = TypeVar("F", bound="Callable[[LlmConfig], LlmClient]")

ENTRY_POINTS = "graphbit_nb.providers"
_NAME = re.compile(r"[a-z][a-z0-9_-]*")

logger = logging.getLogger("graphbit_nb")


class ProviderRegistry:
    """What makes the client of each provider that is not ours: a function of the config, or a class of clients.

    There is one registry a process; the class stands for it. A package announces its providers as entry points of the
    group ``graphbit_nb.providers``.
    """

    _found: ClassVar[dict[str, Factory]] = {}
    _announced: ClassVar[dict[str, Factory]] = {}
    _broken: ClassVar[dict[str, str]] = {}
    _searched: ClassVar[bool] = False

    @overload
    @classmethod
    def register(cls, name: str, factory: F) -> F: ...

    @overload
    @classmethod
    def register(cls, name: str) -> Callable[[F], F]: ...

    @classmethod
    def register(cls, name: str, factory: F | None = None) -> F | Callable[[F], F]:
        """Add a provider; without `factory` a decorator. One of the same name is replaced, also one of ours.

        Args:
            name: As in ``LlmConfig(provider=name, model=...)`` and ``--provider``: lower case letters, digits, - and _.
            factory: Makes a client from a config: most simply a class derived from `CustomLlmClient`.

        Raises:
            UsageError: the name cannot be a provider's, or `factory` cannot be called.
        """
        _checked_name(name)

        def add(made: F) -> F:
            cls._found[name] = _checked_factory(name, made)
            return made

        return add if factory is None else add(factory)

    @classmethod
    def unregister(cls, name: str) -> None:
        """Take a provider away; one that it replaced is there again."""
        cls._found.pop(name, None)

    @classmethod
    def registered(cls, name: str) -> Factory | None:
        """Return what was registered by hand under that name, or None."""
        return cls._found.get(name)

    @classmethod
    def announced(cls, name: str) -> Factory | None:
        """Return what an installed package announces under that name, or None.

        Raises:
            ConfigurationError: the package cannot be loaded.
        """
        cls._search()
        if (why := cls._broken.get(name)) is not None:
            raise ConfigurationError(f"the provider {name!r} of an installed package cannot be loaded: {why}")
        return cls._announced.get(name)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of all providers, ours among them, sorted."""
        from graphbit_nb.providers.catalog import PRESETS
        from graphbit_nb.providers.clients import FACTORIES

        cls._search()
        return tuple(sorted({*FACTORIES, *PRESETS, *cls._found, *cls._announced}))

    @classmethod
    def _search(cls) -> None:
        """Load the providers that installed packages announce, once."""
        if cls._searched:
            return
        cls._searched = True
        cls._announced, cls._broken = {}, {}
        from importlib.metadata import entry_points

        for point in entry_points(group=ENTRY_POINTS):
            try:
                cls._announced[_checked_name(point.name)] = _checked_factory(point.name, point.load())
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                cls._broken[point.name] = f"{type(error).__name__}: {error}"
                logger.exception("the provider %r of the package %s cannot be loaded", point.name, point.value)


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UsageError(f"a provider's name is made of lower case letters, digits, - and _, not {name!r}")
    return name


def _checked_factory(name: str, made: F) -> F:
    if not callable(made):
        raise UsageError(f"the provider {name!r} needs a class of clients, or a function, not {made!r}")
    return made
