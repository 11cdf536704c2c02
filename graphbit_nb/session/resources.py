"""Whether the models that a run will ask are there, as far as their providers say which ones they have.

Only what is surely wrong is refused. Providers list incompletely (aliases, dated snapshots, wildcards of proxies), so
a name that is merely not listed is left to the provider to judge, and a list that cannot be had hinders nothing.
"""

from __future__ import annotations

import asyncio
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from graphbit_nb.errors import ConfigurationError
from graphbit_nb.providers.catalog import PRESETS
from graphbit_nb.session.model_names import is_fetched, is_slip, nearest_names, runs_elsewhere

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from graphbit_nb.core.config import LlmConfig
    from graphbit_nb.providers.clients import LlmClientManager

NODES_SHOWN = 5


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A model, and the paths of the nodes that ask it."""

    config: LlmConfig
    nodes: tuple[str, ...]

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.config.model or ""


async def check_models(asked: Iterable[tuple[str, LlmConfig]], manager: LlmClientManager) -> None:
    """Ask the providers for their models, all at the same time, and refuse what is surely not among them.

    Args:
        asked: Paths of nodes and what each asks.
        manager: Makes the clients and remembers the lists.

    Raises:
        ConfigurationError: a model is not there, or its name is a slip.
    """
    models = [one for one in _gathered(asked) if manager.believes_list(one.config)]
    if not models:
        return
    began = manager.lists.clock()
    doubted = await _refused(models, manager, None)
    if not doubted:
        return
    refused = await _refused(list(doubted), manager, began)  # what was remembered may have changed since
    if refused:
        told = [_tell(one, listed) for one, listed in refused.items()]
        lines = "".join(f"\n  - {line}" for line in told)
        raise ConfigurationError(told[0] if len(told) == 1 else f"{len(told)} models cannot be asked:{lines}")


def _gathered(asked: Iterable[tuple[str, LlmConfig]]) -> list[Asked]:
    groups: list[tuple[LlmConfig, list[str]]] = []
    for path, config in asked:
        paths = next((paths for other, paths in groups if other is config or other == config), None)
        if paths is None:
            groups.append((config, [path]))
        else:
            paths.append(path)
    return [Asked(config, tuple(dict.fromkeys(paths))) for config, paths in groups]


async def _refused(
    models: Sequence[Asked], manager: LlmClientManager, since: float | None
) -> Mapping[Asked, tuple[str, ...]]:
    lists = await asyncio.gather(*(manager.models_of(one.config, since=since) for one in models))
    return {one: names for one, names in zip(models, lists, strict=True) if names and not _is_there(one, names)}


def _is_there(asked: Asked, listed: tuple[str, ...]) -> bool:
    """Whether a model may be there, as far as can be told."""
    if asked.model in listed:
        return True
    if _fetch_command(asked) is None:
        return not is_slip(asked.model, listed)
    return is_fetched(asked.model, listed) or runs_elsewhere(asked.model)


def _fetch_command(asked: Asked) -> str | None:
    preset = PRESETS.get(asked.config.provider)
    return None if preset is None else preset.fetch_model


def _tell(asked: Asked, listed: tuple[str, ...]) -> str:
    config = asked.config
    host = urlsplit(config.base_url).netloc.rpartition("@")[2] if config.base_url else ""
    provider = f"{config.provider} at {host}" if host else config.provider
    near = nearest_names(asked.model, listed)
    shown = " or ".join(repr(name) for name in near)
    more = len(asked.nodes) - NODES_SHOWN
    nodes = ", ".join(asked.nodes[:NODES_SHOWN]) + (f" and {more} more" if more > 0 else "")
    fetch = _fetch_command(asked)
    if fetch is not None:
        command = f"{fetch} {shlex.quote(asked.model)}"
        return (
            f"{nodes}: {provider} does not have the model {asked.model!r}; name one that is there, such as {shown}, "
            f"or fetch it with `{command}`"
        )
    return (
        f"{nodes}: {provider} does not list the model {asked.model!r}; did you mean {shown}? "
        "Name it in model= or in the LlmConfig, or give that options={'check_model': False} if it is right as it is"
    )
