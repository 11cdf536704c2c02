"""What a computed node is run with, as data: two runs with the same data give the same."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from graphbit_nb.core.encoding import CannotKeepError, encode
from graphbit_nb.execution.code_keys import CodeWalk, code_parts
from graphbit_nb.execution.code_reads import reads_of
from graphbit_nb.execution.suspects import MODELS
from graphbit_nb.execution.told_values import NotComparableError, told_value
from graphbit_nb.graph.kinds.condition import LabelTemplate
from graphbit_nb.graph.kinds.python import PythonSettings
from graphbit_nb.graph.registry import NodeProcessor, TemplateSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.graph.node import Node

__all__ = ["NotComparableError", "asked_of", "is_small"]

_PLAIN = (str, int, float, bool, type(None))
_SMALL = 100

_ASKING = frozenset({"generate", "embed", "use_tools"})

_bound: WeakKeyDictionary[Any, dict[tuple[str, ...], Any]] = WeakKeyDictionary()


def asked_of(
    node: Node, processor: NodeProcessor, values: Mapping[str, Any], ignored: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Return what a node depends on: its code, and whatever that reads; its options; the values that it is given.

    A node that says ``cache="default"`` itself, or how old its output may be, is taken at its word: what it reads of
    files, the clock and the like is not asked about. What cannot be compared stays refused.

    Args:
        node: The node.
        processor: Its kind.
        values: What it is given, by name.
        ignored: Nodes whose outputs do not count.

    Raises:
        NotComparableError: it reads what changes by itself, or what cannot be compared.
    """
    is_trusted = node.cache is not None or processor.remembers is True
    settings = node.settings
    if isinstance(settings, PythonSettings):
        given = _arguments(settings, values, ignored)
        names = tuple(name for name in given if name.isidentifier())
        code = code_parts(_function(settings, names), is_trusted=is_trusted)
    elif isinstance(settings, LabelTemplate):
        code, given = {}, {"text": told_value(processor.render(node, values), "the text")}
    else:
        code, given = _foreign(node, processor, values, ignored, is_trusted=is_trusted)
    asked = {"call": "node", "kind": node.kind, "python": sys.implementation.cache_tag, "code": code, "values": given}
    if node.output is not None:
        asked["output"] = [node.output.label, encode(node.output.schema)]
    return asked


def is_small(value: Any) -> bool:
    """Whether a value can be written down in next to no time."""
    if isinstance(value, str):
        return len(value) <= _SMALL * _SMALL
    if isinstance(value, _PLAIN):
        return True
    if isinstance(value, dict):
        return len(value) <= _SMALL and all(isinstance(one, _PLAIN) for one in value.values())
    return isinstance(value, list | tuple) and len(value) <= _SMALL and all(isinstance(one, _PLAIN) for one in value)


def _arguments(settings: PythonSettings, values: Mapping[str, Any], ignored: frozenset[str]) -> dict[str, Any]:
    from graphbit_nb.templating import look_up

    found: dict[str, Any] = {}
    for number, binding in enumerate(settings.bindings, start=1):
        reference = binding.reference
        name = binding.parameter or f"argument {number}"
        if reference.name not in values:
            if binding.parameter is None:
                found[name] = told_value(binding.default, name)
            continue
        if reference.name in ignored:
            found[name] = {"ignored": reference.name}
            continue
        value = values[reference.name]
        for key in reference.path:
            value = look_up(value, key)
        found[name] = _told(value, name)
    return found


def _told(value: Any, name: str) -> Any:
    """Return a value as it stands in the key; of a class of the user's own with what its methods do."""
    cls = type(value)
    told = told_value(value, name)
    if cls.__module__ == "builtins":
        return told
    walk = CodeWalk(is_trusted=True)
    walk.follow(cls, cls.__name__)
    return {"value": told, "class": walk.parts} if walk.parts else told


def _function(settings: PythonSettings, names: tuple[str, ...]) -> Any:
    if not settings.is_cell:
        return settings.fn
    made = _bound.setdefault(settings.fn, {})
    if names not in made:
        made[names] = settings.fn.bind(names)
    return made[names]


def _foreign(
    node: Node, processor: NodeProcessor, values: Mapping[str, Any], ignored: frozenset[str], *, is_trusted: bool
) -> tuple[dict[str, str], dict[str, Any]]:
    """Return what a node of a kind depends on that somebody else has made."""
    cls = type(processor)
    walk = CodeWalk(is_trusted=is_trusted)
    if _ASKING & set(reads_of(cls.process.__code__).methods):
        raise NotComparableError(f"nodes of the kind {node.kind} ask {MODELS}")
    for one in cls.__mro__:
        if one is NodeProcessor or one is object:
            break
        if one.__module__.partition(".")[0] == "graphbit_nb":
            raise NotComparableError(f"nodes of the kind {node.kind} are computed each time")
        for name, part in vars(one).items():
            if callable(part) or isinstance(part, staticmethod | classmethod | property):
                walk.follow(part, f"{one.__name__}.{name}")
    given = {
        name: {"ignored": name} if name in ignored else _told(values[name], name)
        for name in dict.fromkeys(ref.name for ref in node.references)
        if name in values
    }
    given["rendered"] = told_value(processor.render(node, values), "what it is given") if not ignored else None
    settings = node.settings
    try:
        told = settings.options if isinstance(settings, TemplateSettings) else settings
        given["options"] = encode(dict(told) if isinstance(told, dict) else told)
    except CannotKeepError as error:
        raise NotComparableError(f"its options cannot be compared: {error}") from None
    return dict(sorted(walk.parts.items())), given
