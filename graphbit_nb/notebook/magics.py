"""The magics themselves: parse, call, show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from IPython.core.magic import Magics, magics_class, no_var_expand
from traitlets import Any as Anything
from traitlets import Bool, CaselessStrEnum, Float, Int, TraitError, Unicode, validate

from graphbit_nb.core.budget import read_budget
from graphbit_nb.core.redaction import holds_key
from graphbit_nb.errors import UsageError, did_you_mean, nearest
from graphbit_nb.graph.caching import read_cache_mode
from graphbit_nb.graph.registry import ProcessorRegistry
from graphbit_nb.notebook import commands, definitions, helptext, views
from graphbit_nb.notebook.arguments import first_word, split
from graphbit_nb.notebook.options import cell_parser
from graphbit_nb.notebook.runner import Runner
from graphbit_nb.notebook.screens import LIVE
from graphbit_nb.notebook.shows import Shows
from graphbit_nb.notebook.workspace import Workspace
from graphbit_nb.session.memory import STORAGES
from graphbit_nb.session.settings import ON_ERROR

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from IPython.core.interactiveshell import InteractiveShell

    from graphbit_nb.core.budget import Budget


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
    cache = Unicode("default", help="What is done with remembered answers: a mode, or how old they may be.").tag(
        config=True
    )
    storage = CaselessStrEnum(STORAGES, default_value="disk", help="Where runs are kept: disk or memory.").tag(
        config=True
    )
    replay = Unicode("", help="A cassette that every run is played from; none if empty.").tag(config=True)
    record = Unicode("", help="A cassette that every run is recorded on; none if empty.").tag(config=True)
    speed = Float(0.0, min=0.0, help="How fast a cassette is played: 1 as it was; 0 does not wait.").tag(config=True)
    budget = Anything(help="What each run may spend: dollars, or 'cost=5,calls=50'.").tag(config=True)
    draw = Bool(default_value=True, help="Whether each defining cell draws the workflow.").tag(config=True)

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self.workspace = Workspace()
        self.shows = Shows(lambda: self.workspace)
        self.runner = Runner(self)

    @validate("cache")
    def _checked_cache(self, proposal: Any) -> str:
        try:
            read_cache_mode(proposal["value"])
        except UsageError as error:
            raise TraitError(str(error)) from None
        return cast("str", proposal["value"])

    @validate("budget")
    def _checked_budget(self, proposal: Any) -> Budget | None:
        try:
            return read_budget(proposal["value"])
        except UsageError as error:
            raise TraitError(str(error)) from None

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
        if first_word(line) != "keys":  # which says itself what to do with one
            _refuse_keys(line, cell)
        if (topic := helptext.asked(line)) is not None:
            return views.show(views.lines_bundle(helptext.about(topic)))
        command = commands.COMMANDS.get(first_word(line))
        if command is not None and command.free_text:
            return command.serve(self, commands.command.free_text(command, line, cell), awaited)
        if line.startswith("%%"):
            raise UsageError(f"{line} is the first line of its cell, or nothing: take away what stands above it")
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
            near = did_you_mean(name, commands.COMMANDS)
            if not near and (kind := nearest(name, ProcessorRegistry.kinds())) is not None:
                near = f"; did you mean %%graphbit {kind} with two %?"
            raise UsageError(f"%graphbit: no command {name!r}{near or '; there are ' + ', '.join(commands.COMMANDS)}")
        options = command.parser().read(rest)
        return command.serve(self, options, awaited) if command.runs else command.serve(self, options)

    def _definition(self, words: list[str], cell: str, line: str, *, awaited: bool) -> Any:
        kind, *rest = words
        kinds = ProcessorRegistry.kinds()
        if kind not in kinds:
            if kind in commands.COMMANDS:
                raise UsageError(f"%%graphbit {kind}: this takes no body: write %graphbit {kind} with one %")
            if rest and rest[0] in kinds:
                raise UsageError(f"%%graphbit {kind} {rest[0]}: the kind comes first: %%graphbit {rest[0]} {kind}")
            near = did_you_mean(kind, [*kinds, *commands.COMMANDS]) or f"; there are {', '.join(kinds)}"
            raise UsageError(f"%%graphbit: no kind of node {kind!r}{near}")
        options = cell_parser(kind).read(rest)
        definitions.define(self, kind, options, cell, line)
        if options.run:
            return commands.runs.run_nodes(self, [options.name], awaited=awaited)
        return None


def _refuse_keys(line: str, cell: str | None) -> None:
    """Refuse a key in the text of a cell, whose history and notebook keep it. Raises `UsageError`."""
    if holds_key(line) or (cell is not None and holds_key(cell)):
        raise UsageError(
            "a key does not belong into a cell, where it is saved with the notebook: take it out, clear this cell, and "
            "write %graphbit keys set PROVIDER, which asks for it in a hidden field"
        )


def is_run(line: str, has_body: bool) -> bool:
    """Whether a magic's line will run the workflow, and so can be awaited."""
    if helptext.asked(line) is not None:
        return False
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
