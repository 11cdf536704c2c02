"""Where a run in a notebook has the values of its inputs from."""

from __future__ import annotations

from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import MissingInputError, UsageError
from graphbit_nb.execution.engine import needed_inputs, plan_for
from graphbit_nb.graph.registry import processor_of
from graphbit_nb.notebook.arguments import assignments, variable
from graphbit_nb.notebook.options import takes_code

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from graphbit_nb.graph.workflow import Workflow


def inputs_for(
    workflow: Workflow, nodes: Sequence[str] | None, options: argparse.Namespace | None, namespace: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Collect the values of a run's inputs: ``--set``, then ``--inputs``, then the notebook's variables.

    Returns:
        The values, and what to say about them.

    Raises:
        UsageError: an option cannot be read.
    """
    given: dict[str, Any] = {}
    if (name := getattr(options, "inputs", None)) is not None:
        found = variable(name, namespace, "--inputs")
        if not hasattr(found, "keys"):
            raise UsageError(f"--inputs {name}: that is a {type(found).__name__}, not a dict of names and values")
        given.update(found)
    given.update(assignments(getattr(options, "set", None)))
    needed = needed_inputs(workflow, plan_for(workflow, nodes))
    taken = [name for name in needed if name not in given and name in namespace]
    taken = [name for name in taken if not (_is_tool(namespace[name]) and _is_printed(workflow, name))]
    given.update({name: namespace[name] for name in taken})
    notes = [f"from the notebook's variables: {', '.join(taken)}"] if taken else []
    return given, notes


@contextmanager
def missing_said() -> Iterator[None]:
    """Say of a missing input how a notebook gives it one."""
    try:
        yield
    except MissingInputError as error:
        if "did you mean" not in str(error):
            error.args = (f"{error}; give it with --set NAME=VALUE, as a variable of that name, or by a node",)
        raise


def _is_tool(value: Any) -> bool:
    return callable(value) or isinstance(value, ModuleType)


def _is_printed(workflow: Workflow, name: str) -> bool:
    """Whether a text reads the input: a function or a module is nothing to print there."""
    kinds = (workflow.nodes[reader].kind for reader in workflow.inputs[name].consumers)
    return any(not takes_code(kind) and processor_of(kind).runs_as != "nodes" for kind in kinds)
