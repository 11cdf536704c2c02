"""What an executor can be told, and the checks of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from graphbit_nb.errors import UsageError, did_you_mean
from graphbit_nb.providers.registry import ProviderRegistry

Strategy = Literal["parallel", "sequential"]
OnError = Literal["continue", "fail_fast"]

STRATEGIES = ("parallel", "sequential")
ON_ERROR = ("continue", "fail_fast")


def one_of(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    """Refuse what is not allowed. Raises `UsageError`."""
    if not isinstance(value, str) or value not in allowed:
        raise UsageError(f"{name}={value!r}{did_you_mean(str(value), allowed)}; one of {', '.join(allowed)}")


def check_count(name: str, value: Any) -> None:
    """Refuse what is no number of at least 1. Raises `UsageError`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UsageError(f"{name}={value!r}: give a number of at least 1")


def read_limits(limits: Any) -> Mapping[str, int] | int:
    """Read `provider_concurrency`: a number for each provider, or one for all. Raises `UsageError`."""
    if limits is None:
        return {}
    if isinstance(limits, Mapping):
        for provider, limit in limits.items():
            if provider not in (known := ProviderRegistry.names()):
                near = did_you_mean(str(provider), known) or f"; there are {', '.join(known)}"
                raise UsageError(f"provider_concurrency: no provider {provider!r}{near}")
            check_count(f"provider_concurrency[{provider!r}]", limit)
        return dict(limits)
    check_count("provider_concurrency", limits)
    return int(limits)
