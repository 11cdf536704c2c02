"""What a model costs, as far as that is known before it is asked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from graphbit_nb.core.llm import EmbedResponse, GenerateResponse, Usage
from graphbit_nb.errors import ConfigurationError
from graphbit_nb.providers import prices as listed
from graphbit_nb.providers.catalog import PRESETS
from graphbit_nb.providers.presets import resolve
from graphbit_nb.providers.registry import ProviderRegistry
from graphbit_nb.storage.secrets import stored_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from graphbit_nb.core.config import LlmConfig
    from graphbit_nb.providers.catalog import Preset

MILLION = 1_000_000


class Tariff(Protocol):
    """What one model costs."""

    def cost(self, usage: Usage, model: str | None, *, embeds: bool = False) -> float | None:
        """Return US dollars, or None when the price is not known."""
        ...


@dataclass(frozen=True, slots=True)
class Given:
    """A price that the user gave, or nothing at all: US dollars for a million tokens in, and out."""

    input: float = 0.0
    output: float = 0.0

    def cost(self, usage: Usage, model: str | None, *, embeds: bool = False) -> float | None:  # noqa: ARG002
        """Return US dollars."""
        output = 0 if embeds else usage.output_tokens or 0
        return ((usage.input_tokens or 0) * self.input + output * self.output) / MILLION


@dataclass(frozen=True, slots=True)
class Listed:
    """The price on the list of prices."""

    preset: Preset
    base_url: str
    tier: Any = None

    def cost(self, usage: Usage, model: str | None, *, embeds: bool = False) -> float | None:
        """Return US dollars, or None when the model is not on the list."""
        told = (
            EmbedResponse(vectors=(), usage=usage, model=model)
            if embeds
            else GenerateResponse(text="", usage=usage, model=model)
        )
        return listed.cost_of(self.preset, self.base_url, model, told, self.tier)


class Unknown:
    """A price that nobody knows."""

    def cost(self, usage: Usage, model: str | None, *, embeds: bool = False) -> float | None:  # noqa: ARG002
        """Return None."""
        return None


def given_tariff(config: LlmConfig, prices: Mapping[str, tuple[float, float]]) -> Given | None:
    """Return the price that the user gave for a config's model, if he did."""
    for place in (f"{config.provider}/{config.model}", config.provider):
        if place in prices:
            return Given(*prices[place])
    return None


def tariff_of(config: LlmConfig) -> Tariff:
    """Return what a config's model costs where the user gives no price. Scripts cost nothing."""
    if config.provider == "scripted":
        return Given()
    preset = PRESETS.get(config.provider)
    if preset is None or ProviderRegistry.registered(config.provider) is not None:
        return Unknown()
    if config.provider == "local":
        return Given()
    found = resolve(config, None, stored_key)
    return Listed(found.preset, found.base_url, dict(config.options).get("service_tier"))


async def check_prices(asked: Iterable[tuple[str, LlmConfig, bool]], prices: Mapping[str, tuple[float, float]]) -> None:
    """See to it that what is asked has a price.

    Args:
        asked: Path of the node, whom it asks, and whether it asks for vectors.
        prices: What users say that models cost.

    Raises:
        ConfigurationError: nobody knows what a model costs.
    """
    tariffs = [
        (path, config, tariff_of(config), embeds)
        for path, config, embeds in asked
        if given_tariff(config, prices) is None
    ]
    if any(isinstance(tariff, Listed) for _, _, tariff, _ in tariffs) and not listed.is_warm():
        await asyncio.to_thread(listed.warm)
    some = Usage(input_tokens=1, output_tokens=1)
    for path, config, tariff, embeds in tariffs:
        if tariff.cost(some, config.model, embeds=embeds) is None:
            raise unpriced(f"{config.provider}/{config.model}" if config.model else config.provider, path)


def unpriced(name: str, path: str = "") -> ConfigurationError:
    """Return the error for a budget in money when nobody knows what a model costs."""
    provider, _, model = name.partition("/")
    where = f"{path}: " if path else ""
    return ConfigurationError(
        f"{where}the price of {model or provider} of {provider} is not known, and there is a budget in money; give its "
        f"price in US dollars for a million tokens in, and out: Budget(cost=..., prices={{{name!r}: (0.5, 1.5)}}), or "
        f"%graphbit budget --cost ... --price {name}=0.5,1.5; (0, 0) is free. Or limit tokens= and calls= instead"
    )
