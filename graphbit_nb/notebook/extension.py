"""What ``%load_ext graphbit_nb`` does, and ``%unload_ext`` undoes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from graphbit_nb.execution.result import ExecutionResult
from graphbit_nb.graph.workflow import Workflow
from graphbit_nb.notebook import runviews, views
from graphbit_nb.notebook.awaiting import AWAITED, NAMES, AwaitRuns
from graphbit_nb.notebook.completion import matcher_for
from graphbit_nb.notebook.loop import run_nested as notebook_run_nested
from graphbit_nb.notebook.magics import GraphbitMagics, is_run
from graphbit_nb.notebook.settings import ConfigMagic
from graphbit_nb.session.executor import WorkflowExecutor, run_nested

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from graphbit_nb.notebook.workspace import Workspace

_loaded: dict[int, Extension] = {}
_kept: WeakKeyDictionary[Any, Workspace] = WeakKeyDictionary()
"""What an unloaded extension remembered, for when it is loaded again."""


class Extension:
    """Everything that is registered with one shell."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell: Any = shell  # IPython types its parts as optional
        self.magics = _magics(shell)
        self.magics.workspace = _kept.pop(shell, self.magics.workspace)
        self.transformer = AwaitRuns(is_run)
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
        shell.input_transformers_post.append(self.transformer)
        shell.events.register("pre_run_cell", self._before_cell)
        shell.events.register("post_run_cell", self.transformer.after_cell)
        formatter = shell.display_formatter.mimebundle_formatter
        formatter.for_type(ExecutionResult, self._show_result)
        formatter.for_type(Workflow, lambda workflow, **_: views.workflow_bundle(workflow))
        shell.Completer.custom_matchers.append(self.matcher)
        WorkflowExecutor.nested = staticmethod(notebook_run_nested)

    def unload(self) -> None:
        """Take everything away again."""
        shell = self.shell
        shell.input_transformers_post.remove(self.transformer)
        shell.events.unregister("pre_run_cell", self._before_cell)
        shell.events.unregister("post_run_cell", self.transformer.after_cell)
        shell.magics_manager.magics["line"]["config"] = self.config.others
        for kind in ("line", "cell"):
            for name in (*NAMES, AWAITED):
                shell.magics_manager.magics[kind].pop(name, None)
        formatter = shell.display_formatter.mimebundle_formatter
        formatter.pop(ExecutionResult, None)
        formatter.pop(Workflow, None)
        shell.Completer.custom_matchers.remove(self.matcher)
        self.magics.shows.close()
        WorkflowExecutor.nested = staticmethod(run_nested)

    def _before_cell(self, info: Any) -> None:
        self.transformer.before_cell()
        self.magics.workspace.cell = getattr(info, "cell_id", None)

    def _show_result(self, result: ExecutionResult, **_: Any) -> dict[str, str]:
        if self.magics.workspace.shown == (result.run_id, self.shell.execution_count):
            return {"text/plain": repr(result)}  # the run's own picture stands right above
        return runviews.result_bundle(result)


def _magics(shell: Any) -> GraphbitMagics:
    """Make the magics; a setting that is not allowed is dropped, and that is said."""
    from traitlets import TraitError

    try:
        return GraphbitMagics(shell)
    except TraitError as error:
        shell.config.pop("GraphbitMagics", None)
        views.show(views.line_bundle(f"%config GraphbitMagics is as it was at first: {error}"))
        return GraphbitMagics(shell)


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
