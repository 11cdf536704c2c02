"""The magics themselves: parse, call, show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from IPython.core.magic import Magics, magics_class, no_var_expand
from traitlets import Bool, CaselessStrEnum, Int

from graphbit_nb.errors import UsageError, did_you_mean
from graphbit_nb.graph.registry import ProcessorRegistry
from graphbit_nb.notebook import commands, definitions, helptext
from graphbit_nb.notebook.arguments import first_word, split
from graphbit_nb.notebook.options import cell_parser
from graphbit_nb.notebook.runner import Runner
from graphbit_nb.notebook.screens import LIVE
from graphbit_nb.notebook.shows import Shows
from graphbit_nb.notebook.workspace import Workspace
from graphbit_nb.session.settings import ON_ERROR

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from IPython.core.interactiveshell import InteractiveShell


@magics_class
class GraphbitMagics(Magics):
    """Defaults of the magics; set them with ``%config GraphbitMagics.NAME = value``."""

    max_concurrency = Int(64, min=1, help="Nodes of a run that may work at the same time.").tag(config=True)
    on_error = CaselessStrEnum(
        ON_ERROR, default_value="continue", help="What a failed node does to the run: continue or fail_fast."
    ).tag(config=True)
    live = CaselessStrEnum(
        LIVE, default_value="auto", help="How a run is seen while it goes on: auto, widget, pictures or quiet."
    ).tag(config=True)
    draw = Bool(default_value=True, help="Whether each defining cell draws the workflow.").tag(config=True)

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self.workspace = Workspace()
        self.shows = Shows(lambda: self.workspace)
        self.runner = Runner(self)

    @property
    def namespace(self) -> dict[str, Any]:
        """The notebook's variables."""
        return cast("dict[str, Any]", cast("InteractiveShell", self.shell).user_ns)

    @property
    def execution_count(self) -> int:
        """Number of the cell that runs."""
        return cast("InteractiveShell", self.shell).execution_count

    @no_var_expand
    def graphbit(self, line: str, cell: str | None = None) -> Any:
        """Serve ``%graphbit`` and ``%%graphbit``."""
        return self._serve(line, cell, awaited=False)

    @no_var_expand
    def graphbit_await(self, line: str, cell: str | None = None) -> Coroutine[Any, Any, Any]:
        """Serve what the input transformer has put an ``await`` before."""
        served: Coroutine[Any, Any, Any] = self._serve(line, cell, awaited=True)
        return served

    def _serve(self, line: str, cell: str | None, *, awaited: bool) -> Any:
        command = commands.COMMANDS.get(first_word(line))
        if command is not None and command.free_text:
            return command.serve(self, commands.command.free_text(command, line, cell), awaited)
        words = split(line)
        if not words:
            kinds, names = ", ".join(ProcessorRegistry.kinds()), ", ".join(commands.COMMANDS)
            raise UsageError(f"say what to do: %%graphbit {{{kinds}}} NAME, or %graphbit {{{names}}}")
        if cell is None:
            return self._command(words, awaited=awaited)
        return self._definition(words, cell, line, awaited=awaited)

    def _command(self, words: list[str], *, awaited: bool) -> Any:
        name, *rest = words
        command = commands.COMMANDS.get(name)
        if command is None:
            if name in ProcessorRegistry.kinds():
                raise UsageError(f"%graphbit {name}: a node has a body: write %%graphbit {name} NAME with two %")
            near = did_you_mean(name, [*commands.COMMANDS, *ProcessorRegistry.kinds()])
            raise UsageError(f"%graphbit: no command {name!r}{near or '; there are ' + ', '.join(commands.COMMANDS)}")
        options = command.parser().read(rest)
        return command.serve(self, options, awaited) if command.runs else command.serve(self, options)

    def _definition(self, words: list[str], cell: str, line: str, *, awaited: bool) -> Any:
        kind, *rest = words
        kinds = ProcessorRegistry.kinds()
        if kind not in kinds:
            if kind in commands.COMMANDS:
                raise UsageError(f"%%graphbit {kind}: this takes no body: write %graphbit {kind} with one %")
            near = did_you_mean(kind, kinds) or f"; there are {', '.join(kinds)}"
            raise UsageError(f"no kind of node {kind!r}{near}")
        options = cell_parser(kind).read(rest)
        definitions.define(self, kind, options, cell, line)
        if options.run:
            return commands.runs.run_nodes(self, [options.name], awaited=awaited)
        return None


def is_run(line: str, has_body: bool) -> bool:
    """Whether a magic's line will run the workflow, and so can be awaited."""
    command = commands.COMMANDS.get(first_word(line))
    if command is not None and (command.free_text or not has_body):
        return command.runs
    try:
        return has_body and "--run" in split(line)
    except UsageError:
        return False


# What IPython's ? shows: made when it is asked for, since kinds of node come and go.
GraphbitMagics.graphbit.getdoc = helptext.text  # type: ignore[attr-defined]
GraphbitMagics.graphbit.__doc__ = "Define and run workflows of LLM calls; %graphbit help says how."
