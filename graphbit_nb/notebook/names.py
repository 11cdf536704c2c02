"""The names that a notebook knows at a moment: nodes, inputs, workflows, variables; and what options take."""

from __future__ import annotations

import re
from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.config import LlmConfig
from graphbit_nb.errors import GraphbitError
from graphbit_nb.graph.agents import Agent
from graphbit_nb.graph.agreement import given_by, possible_labels
from graphbit_nb.graph.annotations import UNKNOWN
from graphbit_nb.graph.arguments import CACHE_MODES, ITEM_ERRORS, JOINS
from graphbit_nb.graph.registry import ProcessorRegistry
from graphbit_nb.graph.workflow import Workflow
from graphbit_nb.notebook.arguments import functions
from graphbit_nb.notebook.commands.command import COMMANDS
from graphbit_nb.notebook.fields import NOTHING, Known
from graphbit_nb.notebook.models import LOCAL, models_of
from graphbit_nb.notebook.prompt_words import keys_of
from graphbit_nb.notebook.words import waiting
from graphbit_nb.providers.registry import ProviderRegistry
from graphbit_nb.session.history import is_kept
from graphbit_nb.session.history import runs as kept_runs
from graphbit_nb.session.settings import ON_ERROR

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphbit_nb.core.snapshot import NodeSnapshot
    from graphbit_nb.execution.result import ExecutionResult
    from graphbit_nb.graph.node import Node
    from graphbit_nb.notebook.lines import Line
    from graphbit_nb.notebook.magics import GraphbitMagics

_OUTPUTS = ("text", "json", "int", "float", "bool", "list[str]", "list[json]")
_FIXED: dict[str, tuple[str, ...]] = {
    "--cache": CACHE_MODES, "--join": JOINS, "--on-item-error": ITEM_ERRORS, "--on-error": ON_ERROR,
}  # fmt: skip
_MOST_PATHS = 200
_MOST_RUNS = 30


class Names:
    """What is known now; made for one question."""

    def __init__(self, magics: GraphbitMagics) -> None:
        self._workspace = magics.workspace
        self._runner = magics.runner
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
        missing = draft.all_missing()
        same = [node.name for node in draft.nodes if node.kind == kind]
        return list(dict.fromkeys([*missing, *self._inputs(), *same]))

    def known(self, name: str) -> Known:
        """Return what is known of what a node gives, or an input is: its type, and its latest value."""
        draft, result = self._workspace.draft, self._standing()
        if name not in draft:
            return Known(value=self._namespace.get(name, NOTHING))
        node = None if result is None else result.nodes.get(name)
        return Known(_given_by(draft[name]), node.output if node is not None and node.state.has_output else NOTHING)

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
                result = self._standing()
                return self.nodes if result is None else list(tuple(result.snapshot.index)[:_MOST_PATHS])
            case "workflow":
                return list(self._workspace.drafts)
            case "topic":
                return [*ProcessorRegistry.kinds(), *COMMANDS]
            case "run":
                return self._runs()
            case "asking":
                return [node.name for node in self._asking()]
            case _:
                return []

    def values_of(self, option: str, piece: str, before: str, line: Line) -> list[str]:
        """Return what may stand after an option.

        Args:
            option: The option, as it is typed.
            piece: What of the last name is there already.
            before: What stands before that in the same word.
            line: The whole line.
        """
        if option in _FIXED:
            return list(_FIXED[option])
        if option == "--when":
            return self._labels(before.partition("=")[0]) if "=" in before else [f"{name}=" for name in self.nodes]
        inner = self._workflow(line.value("--of"))
        if option == "--carry" and inner is not None:
            return list(inner.nodes) if before else [f"{name}=" for name in inner.inputs]
        if option in ("--returns", "--repeat-until") and inner is not None:
            known = {name: Known(_given_by(node)) for name, node in inner.nodes.items()}
            return _paths(piece, list(known), lambda name: known.get(name, Known()))
        if option == "--for-each":
            return _paths(piece, self.readable(), self.known) if re.search(r"\bin\s", before) else []
        if option == "--set":
            return [] if before else [f"{name}=" for name in self._inputs()]
        if option == "--model":
            return self._models(line.value("--provider"))
        return self._simple(option, before)

    def _simple(self, option: str, before: str) -> list[str]:
        simple: dict[str, Callable[[], list[str]]] = {
            "--after": lambda: self.nodes,
            "--from": lambda: self.nodes,
            "--image": lambda: list(dict.fromkeys([*self.readable(), *self._variables(_is_picture)])),
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

    def _models(self, provider: str | None) -> list[str]:
        """Return models of the provider on the line, or of the one in use; first those that this notebook names."""
        config = self._namespace.get(provider) if provider is not None else self._workspace.config
        if isinstance(config, LlmConfig):
            provider = config.provider
        configs = [value for value in (*self._namespace.values(), self._workspace.config) if _is_config(value)]
        named = [one.model for one in configs if one.provider == provider or provider is None]
        return list(dict.fromkeys([*named, *models_of(provider or LOCAL)]))

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
        """Return what the nodes read that is no node, without building the workflow, which takes its time."""
        nodes = self._workspace.draft.nodes
        known = {node.name for node in nodes}
        read = (reference.name for node in nodes for reference in node.references if not reference.soft)
        return [name for name in dict.fromkeys(read) if name not in known]

    def _standing(self) -> ExecutionResult | None:
        return self._runner.standing(self._workspace.current)

    def _runs(self) -> list[str]:
        """Return the runs that are kept, as far as there is a database already."""
        try:
            return ["last", *(info.run_id for info in kept_runs(limit=_MOST_RUNS))] if is_kept() else []
        except GraphbitError:
            return []

    def _asking(self) -> list[NodeSnapshot]:
        result = self._standing()
        return [] if result is None else waiting(result.snapshot)

    def _variables(self, fits: Callable[[Any], bool]) -> list[str]:
        return [name for name, value in self._namespace.items() if not name.startswith("_") and fits(value)]


def _is_config(value: object) -> bool:
    return isinstance(value, LlmConfig)


def _is_model(value: object) -> bool:
    return isinstance(value, type) and hasattr(value, "model_fields")


def _is_picture(value: object) -> bool:
    return isinstance(value, str | bytes | PathLike) or hasattr(value, "savefig") or hasattr(value, "thumbnail")


def _given_by(node: Node) -> Any:
    try:
        return given_by(node)
    except GraphbitError:
        return UNKNOWN


def _paths(piece: str, names: list[str], known: Callable[[str], Known]) -> list[str]:
    """Return names, or after a dot the paths that go on."""
    path, dot, _ = piece.rpartition(".")
    if not dot:
        return names
    name, *keys = keys_of(path) or [""]
    return [f"{path}.{found}" for found in known(str(name)).at(keys).fields()]
