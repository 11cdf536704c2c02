"""Whether providers can be reached: each is asked for its list of models, which costs nothing."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from graphbit_nb.core.redaction import redact
from graphbit_nb.errors import AuthenticationError, GraphbitError, ProviderError, UsageError
from graphbit_nb.session.health_board import Check, told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.core.config import LlmConfig
    from graphbit_nb.providers.clients import LlmClientManager
    from graphbit_nb.session.health_board import Board, State

_ANY_MODEL = "any"  # a config must name one; lists do not depend on it


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which providers are asked, by what each check is called; whether it is expected to be there."""

    asked: Mapping[str, tuple[LlmConfig, bool]]
    without_key: tuple[str, ...]

    @classmethod
    def of(cls, configs: tuple[LlmConfig, ...]) -> Wanted:
        """Find the providers that are set up. Raises `UsageError` for what is no config."""
        from graphbit_nb.core.config import LlmConfig
        from graphbit_nb.providers.catalog import PRESETS
        from graphbit_nb.providers.environment import environment

        asked: dict[str, tuple[LlmConfig, bool]] = {}
        for config in configs:
            if not isinstance(config, LlmConfig):
                raise UsageError(f"configs: {config!r} is no LlmConfig, such as LlmConfig.openai('gpt-4o-mini')")
            if config.provider not in {"scripted", "local"}:
                asked[_called(config, asked)] = (config.with_model(config.model or _ANY_MODEL), True)
        environ, kept, without = environment(), _kept(), []
        named = {config.provider for config, _ in asked.values()}
        for preset in PRESETS.values():
            if preset.name in named or preset.name == "local":
                continue
            has_address = bool(preset.address_variable and environ.get(preset.address_variable))
            has_key = bool(preset.key_variable and environ.get(preset.key_variable)) or preset.name in kept
            if preset.needs_key and not has_key:
                without.append(preset.name)
            elif preset.base_url or has_address:
                config = LlmConfig(provider=preset.name, model=_ANY_MODEL)
                asked[f"provider {preset.name}"] = (config, preset.needs_key or has_address or has_key)
        return cls(asked, tuple(without))


def _called(config: LlmConfig, taken: Mapping[str, Any]) -> str:
    host = urlsplit(config.base_url or "").hostname
    name = f"provider {config.provider}{f' at {host}' if host else ''}"
    number = 2
    while name in taken:
        name, number = f"{name.partition(' (')[0]} ({number})", number + 1
    return name


def _kept() -> frozenset[str]:
    """Return the providers whose key is kept; none when that cannot be read, which the asking tells."""
    from graphbit_nb.storage.secrets import SecureConfig

    try:
        return frozenset(SecureConfig().names())
    except GraphbitError:
        return frozenset()


async def ask_all(wanted: Wanted, board: Board, longest: float) -> None:
    """Ask them all on one loop, and write down what each said."""
    from graphbit_nb.providers.clients import LlmClientManager
    from graphbit_nb.storage.secrets import stored_key

    manager = LlmClientManager(keys=stored_key)

    async def ask(what: str, config: LlmConfig, *, is_expected: bool) -> None:
        began = time.monotonic()
        try:
            async with asyncio.timeout(max(longest * 0.9, longest - 0.3)):
                state, said = await _reached(manager, config)
        except TimeoutError:
            state, said = ("failed" if is_expected else "off"), f"no answer within {longest:g} s"
        except Exception as error:  # noqa: BLE001 (as above)
            is_there = isinstance(error, AuthenticationError)
            state = "failed" if is_expected or is_there else "off"
            said = told(error) if state == "failed" else "not running here"
        board.tell(Check(what=what, state=state, said=redact(said), seconds=time.monotonic() - began))

    async with asyncio.TaskGroup() as tasks:
        for what, (config, is_expected) in wanted.asked.items():
            tasks.create_task(ask(what, config, is_expected=is_expected))
    await manager.aclose()


async def _connected(config: LlmConfig) -> tuple[State, str]:
    """Look whether there is anybody at the address of a provider that has no list to be asked for."""
    from graphbit_nb.providers.presets import resolve
    from graphbit_nb.storage.secrets import stored_key

    address = urlsplit(resolve(config, keys=stored_key).base_url)
    port = address.port or (80 if address.scheme == "http" else 443)
    _, writer = await asyncio.open_connection(address.hostname, port)
    writer.close()
    return "ok", f"{address.hostname} can be reached; it has no list of models by which the key could be tried"


async def _reached(manager: LlmClientManager, config: LlmConfig) -> tuple[State, str]:
    from graphbit_nb.providers.catalog import PRESETS

    client = manager.client(config)
    if (preset := PRESETS.get(config.provider)) is not None and not preset.lists_models:
        return await _connected(config)
    try:
        listed = tuple(await client.list_models())
    except ProviderError as error:
        if error.status in {404, 405, 501}:
            return "ok", "reachable; it has no list of its models"
        raise
    if config.model in {None, _ANY_MODEL} or config.model in listed or not listed:
        return "ok", f"reachable, {len(listed):,} models" if listed else "reachable"
    return "ok", f"reachable, {len(listed):,} models; {config.model} is not listed"
