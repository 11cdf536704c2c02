"""The commands behind ``%graphbit NAME ...``, each a parser and what it does."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.config import LlmConfig
from graphbit_nb.errors import UsageError, did_you_mean
from graphbit_nb.execution.engine import needed_inputs, plan_for
from graphbit_nb.graph.registry import ProcessorRegistry
from graphbit_nb.notebook import inspection, running, views
from graphbit_nb.notebook.arguments import Parser, assignments, variable
from graphbit_nb.providers.clients import FACTORIES
from graphbit_nb.session.executor import ON_ERROR, WorkflowExecutor

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Coroutine, Mapping

    from graphbit_nb.execution.result import ExecutionResult
    from graphbit_nb.graph.workflow import Workflow
    from graphbit_nb.notebook.magics import GraphbitMagics


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its name, how its line is read, what it does, and whether it runs the workflow."""

    name: str
    arguments: tuple[tuple[tuple[str, ...], dict[str, Any]], ...]
    serve: Callable[..., Any]
    runs: bool = False

    def parser(self) -> Parser:
        """Return the parser of the command's line."""
        parser = Parser(f"%graphbit {self.name}")
        for names, reading in self.arguments:
            parser.add_argument(*names, **reading)
        return parser


COMMANDS: dict[str, Command] = {}


def _command(
    name: str, *arguments: tuple[tuple[str, ...], dict[str, Any]], runs: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(serve: Callable[..., Any]) -> Callable[..., Any]:
        COMMANDS[name] = Command(name, arguments, serve, runs)
        return serve

    return register


def _arg(*names: str, **reading: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    return names, reading


_INPUTS = (
    _arg("--set", metavar="K=V", nargs="+", action="extend", help="values of inputs"),
    _arg("--inputs", metavar="VAR", help="a dict of values"),
)


@_command(
    "run",
    _arg("nodes", metavar="NODE", nargs="*"),
    *_INPUTS,
    _arg("--sequential", action="store_true", help="one node at a time"),
    _arg("--max-concurrency", metavar="N", type=int, help="nodes at the same time"),
    _arg("--on-error", metavar="MODE", choices=ON_ERROR, help="continue or fail_fast"),
    runs=True,
)
def run(magics: GraphbitMagics, options: argparse.Namespace, awaited: bool) -> Any:
    """Run the current workflow, or what the named nodes need."""
    return run_nodes(magics, options.nodes or None, options, awaited=awaited)


def run_nodes(
    magics: GraphbitMagics,
    nodes: list[str] | None,
    options: argparse.Namespace | None = None,
    *,
    awaited: bool,
) -> ExecutionResult | Coroutine[Any, Any, ExecutionResult]:
    """Start a run and wait for it, by awaiting or by blocking."""
    workspace, namespace = magics.workspace, magics.namespace
    workflow = workspace.built()
    inputs, notes = inputs_for(workflow, nodes, options, namespace)
    wanted = getattr(options, "max_concurrency", None)
    executor = WorkflowExecutor(
        workspace.config,
        max_concurrency=magics.max_concurrency if wanted is None else wanted,
        strategy="sequential" if getattr(options, "sequential", False) else "parallel",
        on_error=getattr(options, "on_error", None) or magics.on_error,
    )
    magics.handle = handle = executor.start(workflow, inputs, nodes=nodes)
    view = views.RunView(workflow, notes)

    def keep(result: ExecutionResult) -> None:
        workspace.results[workflow.name] = result
        workspace.shown = (result.run_id, magics.execution_count)
        running.outputs_into(result, workspace.into, namespace)

    if awaited:
        return running.awaited(handle, view, keep)
    return running.blocked(handle, view, keep)


def inputs_for(
    workflow: Workflow, nodes: list[str] | None, options: argparse.Namespace | None, namespace: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Collect the values of a run's inputs: ``--set``, then ``--inputs``, then the notebook's variables.

    Returns:
        The values, and what to say about them.
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
    taken = [name for name in taken if not (_is_tool(namespace[name]) and _prompts_read(workflow, name))]
    given.update({name: namespace[name] for name in taken})
    notes = [f"from the notebook's variables: {', '.join(taken)}"] if taken else []
    return given, notes


def _is_tool(value: Any) -> bool:
    return callable(value) or isinstance(value, ModuleType)


def _prompts_read(workflow: Workflow, name: str) -> bool:
    """Whether a prompt reads the input: a function or a module is nothing to print there."""
    kinds = (workflow.nodes[reader].kind for reader in workflow.inputs[name].consumers)
    return any((found := ProcessorRegistry.find(kind)) is not None and found.asks_model for kind in kinds)


@_command("show")
def show(magics: GraphbitMagics, _: argparse.Namespace) -> None:
    """Draw the current workflow, with the states of its latest run."""
    views.show_workflow(magics.workspace, magics.workspace.built())


@_command("list")
def list_workflows(magics: GraphbitMagics, _: argparse.Namespace) -> None:
    """List the workflows and their nodes; the current one is marked."""
    workspace = magics.workspace
    for name, draft in workspace.drafts.items():
        sign = "*" if name == workspace.current else " "
        nodes = ", ".join(f"{node.name} ({node.kind})" for node in draft.nodes) or "no nodes"
        views.show(views.line_bundle(f"{sign} {name}: {nodes}"))


@_command("new", _arg("name", metavar="NAME"))
def new(magics: GraphbitMagics, options: argparse.Namespace) -> None:
    """Begin an empty workflow; cells define nodes in it from now on."""
    magics.workspace.new(options.name)
    views.show(views.line_bundle(f"{options.name}: an empty workflow; cells define its nodes from now on"))


@_command("use", _arg("name", metavar="NAME"))
def use(magics: GraphbitMagics, options: argparse.Namespace) -> None:
    """Go on with another workflow."""
    magics.workspace.use(options.name)
    views.show(views.line_bundle(f"{options.name}: cells define nodes here from now on"))


@_command("rm", _arg("nodes", metavar="NODE", nargs="+"))
def remove(magics: GraphbitMagics, options: argparse.Namespace) -> None:
    """Take nodes away."""
    magics.workspace.draft.remove(options.nodes)
    views.show(views.line_bundle(f"removed {', '.join(options.nodes)}"))
    if len(magics.workspace.draft):
        views.show_workflow(magics.workspace, magics.workspace.built())


@_command("reset")
def reset(magics: GraphbitMagics, _: argparse.Namespace) -> None:
    """Take all nodes of the current workflow away."""
    name = magics.workspace.current
    magics.workspace.new(name)
    views.show(views.line_bundle(f"{name}: empty again"))


@_command("preview", _arg("node", metavar="NODE"), *_INPUTS)
def preview(magics: GraphbitMagics, options: argparse.Namespace) -> None:
    """Show a prompt as it would go to the model now. Calls nothing."""
    workflow = magics.workspace.built()
    node = magics.workspace.draft[options.node]
    inputs, _ = inputs_for(workflow, [node.name], options, magics.namespace)
    result = magics.workspace.results.get(workflow.name)
    views.show(inspection.preview_bundle(workflow, node, inputs, {} if result is None else result.outputs))


@_command("inspect", _arg("node", metavar="NODE"))
def inspect(magics: GraphbitMagics, options: argparse.Namespace) -> None:
    """Show everything about a node in the latest run: prompt, answer, attempts, tokens, time, the cell."""
    workspace = magics.workspace
    result = workspace.results.get(workspace.current)
    if result is None:
        raise UsageError(f"{workspace.current} has not been run yet; say %graphbit run, or %graphbit preview NODE")
    views.show(inspection.inspection_bundle(result, options.node))


@_command(
    "config",
    _arg("--provider", metavar="P"),
    _arg("--model", metavar="M"),
    _arg("--base-url", metavar="URL"),
    _arg("--config", metavar="VAR"),
    _arg("--api-key", metavar="KEY"),
)
def config(magics: GraphbitMagics, options: argparse.Namespace) -> None:
    """Choose the model that runs ask, or say which it is."""
    if options.api_key is not None:
        raise UsageError(
            "a key does not belong into a cell, where it is saved with the notebook: set the provider's environment "
            "variable before the kernel starts (OPENAI_API_KEY, ANTHROPIC_API_KEY)"
        )
    if options.config is not None:
        if options.provider or options.model or options.base_url:
            raise UsageError("--config says everything; leave the other options out")
        found = variable(options.config, magics.namespace, "--config")
        if not isinstance(found, LlmConfig):
            raise UsageError(f"--config {options.config}: that is a {type(found).__name__}, not an LlmConfig")
        magics.workspace.config = found
    elif options.provider is not None or options.model is not None or options.base_url is not None:
        magics.workspace.config = _config_of(options, magics.workspace.config)
    chosen = magics.workspace.config
    views.show(views.line_bundle(repr(chosen) if chosen is not None else "the embedded model, LlmConfig.local()"))


def _config_of(options: argparse.Namespace, current: LlmConfig | None) -> LlmConfig:
    provider = options.provider or (current.provider if current is not None else "local")
    if current is not None and current.provider == provider:
        kept = current.with_model(options.model)  # the address, the key and all other settings stay
        return kept if options.base_url is None else kept.model_copy(update={"base_url": options.base_url})
    if provider == "local":
        if options.base_url is not None:
            raise UsageError(
                "the embedded model has no --base-url; for a server of yours: --provider openai_compatible"
            )
        return LlmConfig.local(options.model) if options.model else LlmConfig.local()
    if provider == "scripted":
        raise UsageError(
            "a script is a variable: script = LlmConfig.scripted({...}), then %graphbit config --config script"
        )
    if provider not in FACTORIES:
        near = did_you_mean(provider, FACTORIES)
        raise UsageError(f"no provider {provider!r}{near or '; there are ' + ', '.join(FACTORIES)}")
    if options.model is None:
        raise UsageError(f"--provider {provider} needs --model as well")
    return LlmConfig(provider=provider, model=options.model, base_url=options.base_url)


@_command("local", _arg("what", metavar="install", choices=("install",)))
def local(_: GraphbitMagics, __: argparse.Namespace) -> None:
    """Fetch the weights of the embedded model."""
    from graphbit_nb.providers.local.weights import install

    install(say=print)
