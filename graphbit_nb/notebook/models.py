"""Names of models to offer while an option is typed, without asking anybody: what is in the lists that lie here."""

from __future__ import annotations

from graphbit_nb.providers.catalog import PRESETS
from graphbit_nb.providers.local.catalog import KNOWN
from graphbit_nb.providers.prices import is_warm, warm_soon

LOCAL = "local"


def models_of(provider: str) -> list[str]:
    """Return the models of a provider, as far as they are known. The list of prices names them, once it is loaded."""
    if provider == LOCAL:
        return list(KNOWN)
    preset = PRESETS.get(provider)
    if preset is None or preset.prices is None:
        return []
    if not is_warm():
        warm_soon()
        return []
    from genai_prices.data_snapshot import get_snapshot

    listed = next((one for one in get_snapshot().providers if one.id == preset.prices), None)
    return [] if listed is None else sorted(model.id for model in listed.models if not model.deprecated)
