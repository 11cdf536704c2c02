"""What ``%load_ext graphbit_nb`` does, and ``%unload_ext`` undoes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from graphbit_nb.errors import UsageError
from graphbit_nb.execution.result import ExecutionResult
from graphbit_nb.graph.workflow import Workflow
from graphbit_nb.notebook import runviews, views
from graphbit_nb.notebook.awaiting import AWAITED, NAMES, AwaitRuns, never
from graphbit_nb.notebook.commands.forecast import cost_bundle
from graphbit_nb.notebook.commands.health import health_bundle
from graphbit_nb.notebook.commands.history import runs_bundle, tell_unfinished
from graphbit_nb.notebook.comparison import comparison_bundle
from graphbit_nb.notebook.completion import matcher_for
from graphbit_nb.notebook.heartbeat import Heartbeat
from graphbit_nb.notebook.keeping import keep_ours
from graphbit_nb.notebook.loop import run_nested as notebook_run_nested
from graphbit_nb.notebook.magics import GraphbitMagics, is_run
from graphbit_nb.notebook.settings import OURS, ConfigMagic, change
from graphbit_nb.session.comparing import Comparison
from graphbit_nb.session.executor import WorkflowExecutor, run_nested
from graphbit_nb.session.forecast import CostEstimate
from graphbit_nb.session.health import HealthReport
from graphbit_nb.session.history import Runs

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from graphbit_nb.notebook.workspace import Workspace

BUNDLES: dict[type[Any], Callable[[Any], views.Bundle]] = {
    Workflow: views.workflow_bundle,
    Runs: runs_bundle,
    Comparison: comparison_bundle,
    HealthReport: health_bundle,
    CostEstimate: cost_bundle,
}
"""How what a cell ends with is shown; results know more than these, see `Extension`."""

_loaded: dict[int, Extension] = {}
_kept: WeakKeyDictionary[Any, Workspace] = WeakKeyDictionary()
"""What an unloaded extension remembered, for when it is loaded again."""


class Extension:
    """Everything that is registered with one shell."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell: Any = shell  # IPython types its parts as optional
        self.magics = _magics(shell)
        self.magics.workspace = _kept.pop(shell, self.magics.workspace)
        self.transformer = AwaitRuns(never if _is_terminal(shell) else is_run)
        self.heartbeat = Heartbeat()
        self.matcher = matcher_for(self.magics)
        self.config = ConfigMagic(self.magics, self.shell.find_line_magic("config"))  # type: ignore[no-untyped-call]

    def load(self) -> None:
        """Register with the shell."""
        shell = self.shell
        shell.register_magics(self.magics)
        for name in NAMES:
            shell.register_magic_function(self.magics.graphbit, "line_cell", name)
        shell.register_magic_function(self.magics.graphbit_await, "line_cell", AWAITED)
        shell.magics_manager.magics["line"]["config"] = self.config
        shell.input_transformers_cleanup.append(keep_ours)
        shell.input_transformers_post.append(self.transformer)
        shell.events.register("pre_run_cell", self._before_cell)
        shell.events.register("post_run_cell", self._after_cell)
        formatter = shell.display_formatter.mimebundle_formatter
        formatter.for_type(ExecutionResult, self._show_result)
        for kind, bundle in BUNDLES.items():
            formatter.for_type(kind, lambda shown, bundle=bundle, **_: views.told(bundle(shown)))
        shell.Completer.custom_matchers.append(self.matcher)
        WorkflowExecutor.nested = staticmethod(notebook_run_nested)
        tell_unfinished()

    def unload(self) -> None:
        """Take everything away again."""
        shell = self.shell
        shell.configurables.remove(self.magics)
        shell.input_transformers_cleanup.remove(keep_ours)
        shell.input_transformers_post.remove(self.transformer)
        shell.events.unregister("pre_run_cell", self._before_cell)
        shell.events.unregister("post_run_cell", self._after_cell)
        self.heartbeat.stop()
        shell.magics_manager.magics["line"]["config"] = self.config.others
        for kind in ("line", "cell"):
            for name in (*NAMES, AWAITED):
                shell.magics_manager.magics[kind].pop(name, None)
        formatter = shell.display_formatter.mimebundle_formatter
        formatter.pop(ExecutionResult, None)
        for shown in BUNDLES:
            formatter.pop(shown, None)
        shell.Completer.custom_matchers.remove(self.matcher)
        self.magics.shows.close()
        WorkflowExecutor.nested = staticmethod(run_nested)

    def _before_cell(self, info: Any) -> None:
        self.transformer.before_cell()
        if views.is_kernel():
            self.heartbeat.start()
        self.magics.workspace.cell = getattr(info, "cell_id", None)

    def _after_cell(self, _: Any) -> None:
        self.transformer.after_cell()
        self.heartbeat.stop()

    def _show_result(self, result: ExecutionResult, **_: Any) -> dict[str, str]:
        if self.magics.workspace.shown == (result.run_id, self.shell.execution_count):
            return {"text/plain": repr(result)}  # the run's own picture stands right above
        return views.told(runviews.result_bundle(result))


def _is_terminal(shell: Any) -> bool:
    """Whether it is IPython's own terminal: nothing lives beside a cell there, and Ctrl-C breaks into what awaits."""
    terminal = sys.modules.get("IPython.terminal.interactiveshell")
    return terminal is not None and isinstance(shell, terminal.TerminalInteractiveShell)


def _magics(shell: Any) -> GraphbitMagics:
    """Make the magics with the settings of the configuration; one that is refused is dropped, and that is said."""
    given = shell.config.pop(OURS, {})
    magics = GraphbitMagics(shell)
    for name, value in given.items():
        try:
            change(magics, name, value)
        except UsageError as error:
            stays = f"it stays {getattr(magics, name)!r}" if magics.has_trait(name) else "it is left out"
            views.show(views.line_bundle(f"{error}; {stays}"))
    return magics


def load(shell: InteractiveShell) -> None:
    """Load the extension into a shell; a second time changes nothing."""
    if id(shell) not in _loaded:
        _loaded[id(shell)] = extension = Extension(shell)
        extension.load()


def unload(shell: InteractiveShell) -> None:
    """Unload the extension."""
    extension = _loaded.pop(id(shell), None)
    if extension is not None:
        extension.unload()
        _kept[shell] = extension.magics.workspace
