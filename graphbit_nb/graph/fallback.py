"""What stands in when a node fails: other models, one after the other, and in the end a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import UsageError
from graphbit_nb.graph.missing import MISSING

if TYPE_CHECKING:
    from graphbit_nb.core.config import LlmConfig
    from graphbit_nb.core.outputs import OutputType


@dataclass(frozen=True, slots=True)
class Fallbacks:
    """Models that are asked in this order when the node's own fails, and the value when all of them do.

    Attributes:
        models: The models.
        value: The value; MISSING when there is none.
    """

    models: tuple[LlmConfig, ...]
    value: Any = MISSING


def checked_fallback(fallback: Any, declared: OutputType | None, *, asks_model: bool) -> Any:
    """Return the fallback as it stands in: a model, `Fallbacks`, or the output. Raises `DefinitionError`."""
    if isinstance(fallback, list | tuple) and any(map(_is_model, fallback)):
        *models, last = fallback
        value = MISSING
        if not _is_model(last):
            value = _checked_value(last, declared)
        else:
            models.append(last)
        for model in models:
            if not _is_model(model):
                raise UsageError(
                    f"the fallback {model!r} is no model; a list names models in the order in which they are asked, "
                    "and a value only at its end"
                )
        fallback = models[0] if len(models) == 1 and value is MISSING else Fallbacks(tuple(models), value)
    if models_of(fallback):
        if not asks_model:
            raise UsageError("the fallback is a model, but this node asks none; give a value")
        return fallback
    return _checked_value(fallback, declared)


def models_of(fallback: Any) -> tuple[LlmConfig, ...]:
    """Return the models that stand in, in their order."""
    if isinstance(fallback, Fallbacks):
        return fallback.models
    return (fallback,) if _is_model(fallback) else ()


def value_of(fallback: Any) -> Any:
    """Return the value that stands in, or MISSING."""
    if isinstance(fallback, Fallbacks):
        return fallback.value
    return MISSING if _is_model(fallback) else fallback


def _checked_value(value: Any, declared: OutputType | None) -> Any:
    if declared is None or value is None:
        return value
    return declared.parse(value) if isinstance(value, str) else declared.check(value)


def _is_model(value: Any) -> bool:
    return type(value).__name__ == "LlmConfig"  # whose class is not loaded before it is needed
