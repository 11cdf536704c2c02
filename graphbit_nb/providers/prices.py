"""What a call costs, by the prices that providers publish, as `genai-prices` keeps them.

The list takes a third of a second to load: `warm` does that in a thread, before the first answer is there. Whatever is
wrong with it, no call fails for it: what is not known is None, which is not nothing.
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from graphbit_nb.core.llm import EmbedResponse
from graphbit_nb.providers.catalog import LOOPBACK, PRESETS

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice

    from graphbit_nb.core.llm import GenerateResponse
    from graphbit_nb.providers.catalog import Preset

_USUAL_TIERS = frozenset({"default", "standard_only"})

logger = logging.getLogger("graphbit_nb")

_loaded = threading.Event()
_starting = threading.Lock()
_thread: threading.Thread | None = None


def warm() -> None:
    """Load the list of prices, unless it is there. Blocks for a while: call it in a thread."""
    if _loaded.is_set():
        return
    try:
        from genai_prices.data_snapshot import get_snapshot

        get_snapshot()
    except Exception:
        logger.warning("the list of prices cannot be loaded: costs stay unknown", exc_info=True)
    finally:
        _loaded.set()


def warm_soon() -> None:
    """Begin to load the list in a thread of its own."""
    global _thread  # noqa: PLW0603 (there is one list for the whole process)
    if _loaded.is_set():
        return
    with _starting:
        if _thread is None:
            _thread = threading.Thread(target=warm, name="graphbit-prices", daemon=True)
            _thread.start()


def is_warm() -> bool:
    """Whether `cost_of` answers at once."""
    return _loaded.is_set()


def is_listed(preset: Preset, base_url: str) -> bool:
    """Whether the list may know the prices of an address; else it need not be loaded."""
    return not preset.runs_here and _list_of(preset, base_url) is not None


def cost_of(
    preset: Preset, base_url: str, model: str | None, response: GenerateResponse | EmbedResponse, tier: Any = None
) -> float | None:
    """Return US dollars, or None when the price or the tokens are not known: unknown is not nothing.

    Args:
        preset: The provider.
        base_url: Its address: elsewhere than at its own, a provider's prices are not known.
        model: What was asked; what the provider says that answered goes before it.
        response: The answer, or the vectors.
        tier: Service tier that was asked for, if one was.
    """
    if preset.runs_here:
        is_free = (preset.name == "local" or _host(base_url) in LOOPBACK) and not (model or "").endswith("cloud")
        return 0.0 if is_free else None
    listed_as = _list_of(preset, base_url)
    if listed_as is None:
        return None
    try:
        return _cost(listed_as, (response.model, model), response, tier)
    except Exception:  # the list is data of others
        logger.debug("the price of %s/%s cannot be worked out", preset.name, model, exc_info=True)
        return None


def _cost(
    listed_as: str, names: tuple[str | None, ...], response: GenerateResponse | EmbedResponse, tier: Any
) -> float | None:
    from genai_prices import Usage as Tokens

    usage = response.usage
    answered = 0 if isinstance(response, EmbedResponse) else usage.output_tokens  # vectors are no tokens
    if usage.input_tokens is None or answered is None:
        return None
    found = (_model(listed_as, name) for name in names if name)
    model = next((one for one in found if one is not None), None)
    price = None if model is None else _price(model, tier)
    if price is None or price.input_mtok is None or (price.output_mtok is None and answered):
        return None
    cached = min(usage.cached_tokens or 0, usage.input_tokens)
    told = Tokens(input_tokens=usage.input_tokens, output_tokens=answered, cache_read_tokens=cached)
    return float(price.calc_price(told)["total_price"])


def _price(model: ModelInfo, tier: Any) -> ModelPrice | None:
    now = datetime.now(tz=UTC)
    if tier is None or tier in _USUAL_TIERS:
        return model.get_prices(now)
    known = any(variant.when == {"service_tier": tier} for variant in model.price_variants or ())
    return model.get_prices(now, {"service_tier": tier}) if known else None


@lru_cache(maxsize=1024)
def _model(listed_as: str, name: str) -> ModelInfo | None:
    from genai_prices.data_snapshot import get_snapshot

    try:
        return get_snapshot().find_provider_model(name.removeprefix("models/"), None, listed_as, None)[1]
    except LookupError:
        return None


@lru_cache(maxsize=256)
def _host(base_url: str) -> str:
    return urlsplit(base_url).hostname or ""


@lru_cache(maxsize=256)
def _listed_as(own: str | None, base_url: str) -> str | None:
    """Return whose prices hold at an address: `own` where a provider has none of its own, as Azure."""
    host = _host(base_url)
    if own is not None:
        return own
    for preset in PRESETS.values():
        known = None if preset.prices is None or preset.base_url is None else _host(preset.base_url)
        if known is not None and (host == known or host.endswith(f".{known}")):
            return preset.prices
    return PRESETS["azure"].prices if host.endswith(".azure.com") else None


def _list_of(preset: Preset, base_url: str) -> str | None:
    return _listed_as(preset.prices if preset.base_url is None else None, base_url)
