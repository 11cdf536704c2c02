"""The names that a notebook knows at a moment: nodes, inputs, workflows, variables; and what options take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from graphbit_nb.core.config import LlmConfig
from graphbit_nb.errors import GraphbitError
from graphbit_nb.graph.agents import Agent
from graphbit_nb.graph.agreement import possible_labels
from graphbit_nb.graph.arguments import CACHE_MODES, ITEM_ERRORS, JOINS
from graphbit_nb.graph.registry import ProcessorRegistry
from graphbit_nb.graph.workflow import Workflow
from graphbit_nb.notebook.arguments import functions
from graphbit_nb.notebook.commands.command import COMMANDS
from graphbit_nb.notebook.words import waiting
from graphbit_nb.providers.registry import ProviderRegistry
from graphbit_nb.session.settings import ON_ERROR

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphbit_nb.core.snapshot import NodeSnapshot
    from graphbit_nb.notebook.magics import GraphbitMagics

_OUTPUTS = ("text", "json", "int", "float", "bool", "list[str]", "list[json]")
_FIXED: dict[str, tuple[str, ...]] = {
    "--cache": CACHE_MODES, "--join": JOINS, "--on-item-error": ITEM_ERRORS, "--on-error": ON_ERROR,
}  # fmt: skip
_MOST_PATHS = 200


class Names:
    """What is known now; made for one question."""

    def __init__(self, magics: GraphbitMagics) -> None:
        self._workspace = magics.workspace
        self._namespace = magics.namespace

    @property
    def nodes(self) -> list[str]:
        """The nodes of the current workflow."""
        return list(self._workspace.draft.names)

    def readable(self, own: str | None = None) -> list[str]:
        """Return what a cell can read: the other nodes, and the inputs."""
        return [name for name in (*self.nodes, *self._inputs()) if name != own]

    def undefined(self, kind: str) -> list[str]:
        """Return the names that a new cell of this kind probably wants: what is read and not there, then its like."""
        draft = self._workspace.draft
        missing = [name for node in draft.names for name in draft.missing(node)]
        same = [node.name for node in draft.nodes if node.kind == kind]
        return list(dict.fromkeys([*missing, *self._inputs(), *same]))

    def inside(self, node: str) -> list[str]:
        """Return what a path can go on with after a node: the nodes inside, the fields of its declared output."""
        draft = self._workspace.draft
        if node not in draft:
            return []
        found = draft[node]
        inner = getattr(found.settings, "workflow", None)
        if isinstance(inner, Workflow) and getattr(found.settings, "returns", None) is None:
            return list(inner.nodes)
        fields = getattr(None if found.output is None else found.output.annotation, "model_fields", {})
        return list(fields) if isinstance(fields, Mapping) else []

    def inputs_of(self, workflow: str | None) -> list[str]:
        """Return the inputs of a workflow, by its name or its variable's, ready to be bound."""
        found = self._workflow(workflow)
        return [] if found is None else [f"{name} = " for name in found.inputs]

    def answers(self, node: str) -> list[str]:
        """Return the labels that may answer a node."""
        return [label for asking in self._asking() if asking.name == node for label in asking.options]

    def of_sort(self, sort: str | None) -> list[str]:
        """Return the names that a command's words may be."""
        match sort:
            case "node":
                return self.nodes
            case "path":
                result = self._workspace.results.get(self._workspace.current)
                return self.nodes if result is None else list(result.snapshot.index)[:_MOST_PATHS]
            case "workflow":
                return list(self._workspace.drafts)
            case "topic":
                return [*ProcessorRegistry.kinds(), *COMMANDS]
            case "asking":
                return [node.name for node in self._asking()]
            case _:
                return []

    def values_of(self, option: str, before: str, of: str | None) -> list[str]:
        """Return what may stand after an option.

        Args:
            option: The option, as it is typed.
            before: What of the word is there already, up to its last ``=``, ``|`` or ``,``.
            of: The workflow that the cell puts inside, if its line says one.
        """
        if option in _FIXED:
            return list(_FIXED[option])
        if option == "--when":
            return self._labels(before.partition("=")[0]) if "=" in before else [f"{name}=" for name in self.nodes]
        inner = self._workflow(of)
        if option == "--carry" and inner is not None:
            return list(inner.nodes) if before else [f"{name}=" for name in inner.inputs]
        if option in ("--returns", "--repeat-until") and inner is not None:
            return list(inner.nodes)
        if option == "--set":
            return [] if before else [f"{name}=" for name in self._inputs()]
        simple: dict[str, Callable[[], list[str]]] = {
            "--after": lambda: self.nodes,
            "--for-each": self.readable,
            "--image": self.readable,
            "--output": lambda: [*_OUTPUTS, *self._variables(_is_model)],
            "--provider": lambda: [*ProviderRegistry.names(), *self._variables(_is_config)],
            "--fallback-model": lambda: self._variables(_is_config),
            "--config": lambda: self._variables(_is_config),
            "--agent": lambda: self._variables(lambda value: isinstance(value, Agent)),
            "--tools": lambda: [name for name in functions(self._namespace) if name not in before.split(",")],
            "--examples": lambda: self._variables(lambda value: isinstance(value, list | tuple)),
            "--inputs": lambda: self._variables(lambda value: isinstance(value, Mapping)),
            "--of": self._workflows,
        }
        return simple[option]() if option in simple else []

    def _labels(self, node: str) -> list[str]:
        draft = self._workspace.draft
        return list(possible_labels(draft[node])) if node in draft else []

    def _workflows(self) -> list[str]:
        others = [name for name in self._workspace.drafts if name != self._workspace.current]
        return [*others, *self._variables(lambda value: isinstance(value, Workflow))]

    def _workflow(self, name: str | None) -> Workflow | None:
        if name is None:
            return None
        try:
            found = self._workspace.inner(name) or self._namespace.get(name)
        except GraphbitError:
            return None
        return found if isinstance(found, Workflow) else None

    def _inputs(self) -> list[str]:
        try:
            return list(self._workspace.sketched().inputs)
        except GraphbitError:
            return []

    def _asking(self) -> list[NodeSnapshot]:
        result = self._workspace.results.get(self._workspace.current)
        return [] if result is None else waiting(result.snapshot)

    def _variables(self, fits: Callable[[object], bool]) -> list[str]:
        return [name for name, value in self._namespace.items() if not name.startswith("_") and fits(value)]


def _is_config(value: object) -> bool:
    return isinstance(value, LlmConfig)


def _is_model(value: object) -> bool:
    return isinstance(value, type) and hasattr(value, "model_fields")
