"""What an answer costs, by the prices that providers publish, as `genai-prices` keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphbit_nb.core.llm import GenerateResponse
    from graphbit_nb.providers.presets import Preset


def cost_of(preset: Preset, base_url: str, model: str | None, response: GenerateResponse) -> float | None:
    """Return US dollars, or None when the price is not known: unknown is not nothing."""
    return None
