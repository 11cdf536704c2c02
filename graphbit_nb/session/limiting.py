"""How large what is run may be: the limits of the process, and what is looked at before a run begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbit_nb.core.limits import DEFAULT_LIMITS, InputLimits, size_of
from graphbit_nb.errors import UsageError
from graphbit_nb.graph.registry import processor_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.graph.workflow import Workflow

_limits = DEFAULT_LIMITS


def set_limits(limits: InputLimits | None) -> None:
    """Set the limits of executors that say none of their own; None are the package's. Raises `UsageError`."""
    global _limits  # noqa: PLW0603 (one for the process)
    _limits = checked_limits(limits) or DEFAULT_LIMITS


def checked_limits(limits: Any) -> InputLimits | None:
    """Return limits that somebody gave. Raises `UsageError`."""
    if limits is None or isinstance(limits, InputLimits):
        return limits
    raise UsageError(f"limits={limits!r}: give InputLimits(max_prompt_chars=...)")


def limits_of(own: InputLimits | None) -> InputLimits:
    """Return an executor's own limits, or those of the process."""
    return _limits if own is None else own


def refuse_too_large(workflow: Workflow, inputs: Mapping[str, Any], limits: InputLimits) -> None:
    """Look at a workflow and what it is given, before anything is called.

    Raises:
        InputTooLarge: one of them is over a limit.
    """
    count, deepest = _measured(workflow)
    limits.refuse("max_nodes", f"{workflow.name} has {{size}} nodes", count)
    limits.refuse("max_nesting", f"{workflow.name} has workflows inside each other, {{size}} deep", deepest)
    if limits.max_input_bytes is not None and inputs:
        size = size_of(inputs, limits.max_input_bytes)
        limits.refuse("max_input_bytes", f"the inputs of {workflow.name} have {{size}} bytes or more", size)


def _measured(workflow: Workflow) -> tuple[int, int]:
    """Return how many nodes there are, and how deep workflows are inside each other."""
    count = deepest = 0
    stack = [(workflow, 1)]
    while stack:
        inner, depth = stack.pop()
        count += len(inner.nodes)
        deepest = max(deepest, depth)
        composites = (node for node in inner.nodes.values() if processor_of(node.kind).runs_as == "nodes")
        stack.extend((node.settings.workflow, depth + 1) for node in composites)
    return count, deepest
