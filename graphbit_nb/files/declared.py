"""Values of a node's output, in examples and as fallbacks, written so that the declared type reads them back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import GraphbitError, UsageError
from graphbit_nb.files.configs import config_data
from graphbit_nb.files.values import plain
from graphbit_nb.graph.fallback import checked_fallback, models_of, value_of
from graphbit_nb.graph.missing import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphbit_nb.core.outputs import OutputType
    from graphbit_nb.graph.kinds.prompt import Example
    from graphbit_nb.graph.node import Node


def example_data(example: Example, output: OutputType | None, place: str) -> dict[str, Any]:
    """Return a worked example as it is written. Raises `UsageError`."""
    asked = plain(example.asked, f"{place}.asked")
    try:
        return {"asked": asked, "answered": plain(example.answered, f"{place}.answered")}
    except UsageError:
        dumped = _dumped(example.answered, output)
        if output is None or dumped is MISSING or not gives(lambda: output.check(dumped), example.answered):
            raise
        return {"asked": asked, "answered": plain(dumped, f"{place}.answered"), "typed": True}


def fallback_data(node: Node) -> dict[str, Any]:
    """Return a node's fallback as it is written. Raises `UsageError`."""
    place, given, output = f"{node.name}.fallback", node.fallback, node.output
    models = models_of(given)
    if models:
        asked = [config_data(model, place) for model in models]
        written = {"ask": asked if len(asked) > 1 else asked[0]}
        given = value_of(given)
        return written if given is MISSING else {**written, **_value_data(given, output, place)}
    return _value_data(given, output, place)


def _value_data(given: Any, output: OutputType | None, place: str) -> dict[str, Any]:
    candidates = [given]
    if output is not None:
        candidates += [_dumped(given, output), _encoded(given, output)]
    for candidate in candidates:
        try:
            written = plain(candidate, place)
        except UsageError:
            continue
        if gives(partial(checked_fallback, written, output, asks_model=True), given):
            return {"value": written}
    plain(given, place)
    raise UsageError(f"{place}: {given!r} is not read back as it was")


def _dumped(value: Any, output: OutputType | None) -> Any:
    from pydantic import TypeAdapter

    try:
        return MISSING if output is None else TypeAdapter(output.annotation).dump_python(value, mode="json")
    except ValueError:
        return MISSING


def _encoded(value: Any, output: OutputType) -> Any:
    try:
        return output.encode(value)
    except GraphbitError:
        return MISSING


def gives(make: Callable[[], Any], wanted: Any) -> bool:
    """Whether `make` gives a value that is equal to another and of the same type."""
    try:
        made = make()
    except GraphbitError:
        return False
    return type(made) is type(wanted) and bool(made == wanted)
