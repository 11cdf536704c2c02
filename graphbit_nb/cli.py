"""The command line: ``graphbit-nb demo`` runs a notebook and tells what its nodes do, ``graphbit-nb local install``."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import ConfigurationError, GraphbitError, UsageError
from graphbit_nb.notebook.progress import PROGRESS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MARKS = {"succeeded": "✓", "cached": "✓", "failed": "✗", "skipped": "»", "cancelled": "■"}
WIDTH = 100  # characters of a line that is printed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0 for success, 1 for failure, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="graphbit-nb", description="Workflows of LLM calls in Jupyter.")
    parser.add_argument("--version", action="store_true", help="print the version")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    demo = commands.add_parser("demo", help="run a notebook headless and tell what its nodes do")
    demo.add_argument("notebook", nargs="?", help="notebook to run; the quickstart when not given")
    demo.add_argument("--output", default="build", metavar="DIR", help="where the results go (build)")
    local = commands.add_parser("local", help="the embedded models")
    local.add_argument("what", choices=("install",), help="install: fetch the weights, once (190 MB)")
    local.add_argument(
        "--only", choices=("chat", "embed"), help="fetch one: the model that answers (98 MB), or that embeds (91 MB)"
    )
    options = parser.parse_args(arguments)
    try:
        if options.version:
            from graphbit_nb.session.lifecycle import version

            print(version())
        elif options.command == "demo":
            return run_demo(options.notebook, Path(options.output))
        elif options.command == "local":
            from graphbit_nb.providers.local.weights import install

            install(options.only, say=print)
        else:
            parser.print_help()
    except GraphbitError as error:
        print(f"graphbit-nb: {error}", file=sys.stderr)
        return 1
    return 0


def run_demo(notebook: str | None, output: Path, *, say: Callable[[str], Any] = print) -> int:
    """Execute a notebook, print its nodes as they end, and write notebook, page and drawing into `output`.

    Returns:
        0 when every node of every run succeeded, else 1.

    Raises:
        UsageError: there is no such notebook.
        ConfigurationError: a package is missing.
    """
    for package in ("nbclient", "nbconvert"):
        if importlib.util.find_spec(package) is None:
            raise ConfigurationError(f"running notebooks needs {package}: pip install 'graphbit-nb[lab]'")
    from nbclient.exceptions import CellExecutionError

    nbformat: Any = importlib.import_module("nbformat")
    path = find_notebook(notebook)
    document = nbformat.read(path, as_version=4)
    report = Report(say)
    say(f"running {path.name} ({sum(cell.cell_type == 'code' for cell in document.cells)} cells)\n")
    failure: CellExecutionError | None = None
    try:
        _client(document, path, report).execute()
    except CellExecutionError as error:
        failure = error
    written = _write(document, path, output)
    say("")
    for what, where in written.items():
        say(f"{what:<20} {where}")
    if failure is not None:
        say(f"\na cell failed: {failure.ename}: {failure.evalue}")
    say(f"\n{report.summary()}")
    return 0 if failure is None and report.all_succeeded() else 1


def find_notebook(name: str | None) -> Path:
    """Return the notebook to run. Raises `UsageError` when there is none."""
    if name is not None:
        path = Path(name)
        if not path.is_file():
            raise UsageError(f"no notebook {name!r}")
        return path
    package = Path(__file__).resolve().parent
    places = [Path("notebooks"), package.parent / "notebooks", package / "notebooks"]
    for place in places:
        if (place / "quickstart.ipynb").is_file():
            return place / "quickstart.ipynb"
    raise UsageError("the quickstart notebook is not here; name a notebook: graphbit-nb demo PATH")


@dataclass(slots=True)
class Report:
    """Prints each node once, when it has ended, from the progress that the notebook's runs tell."""

    say: Callable[[str], Any]
    clock: Callable[[], float] = time.monotonic
    _seen: set[tuple[str, str]] = field(default_factory=set)
    _states: list[str] = field(default_factory=list)
    _tokens: int = 0
    _runs: dict[str, str] = field(default_factory=dict)  # id of each run and its status
    _began: float | None = None

    def tell(self, progress: Mapping[str, Any]) -> None:
        """Take in the progress of a run: its id, its workflow, and the nodes that have ended."""
        self._began = self._began if self._began is not None else self.clock()
        if progress["run"] not in self._runs:
            self.say(f"{progress['workflow']}: {progress['total']} nodes")
        self._runs[progress["run"]] = progress["status"]
        for node in progress["ended"]:
            key = (progress["run"], node["name"])
            if key not in self._seen:
                self._seen.add(key)
                self._states.append(node["state"])
                self._tokens += node["tokens"]
                self.say(self._line(node))

    @staticmethod
    def _line(node: Mapping[str, Any]) -> str:
        tokens = f"{node['tokens']:>5} tok" if node["tokens"] else " " * 9
        head = f"  {MARKS.get(node['state'], '?')} {node['name']:<16} {node['state']:<10} {node['took']:>7} {tokens}  "
        room = max(20, WIDTH - len(head))
        says = str(node["says"])
        return head + (says if len(says) <= room else says[: room - 1] + "…")

    def all_succeeded(self) -> bool:
        """Whether there were nodes, and every run succeeded: none failed, was cut off, or waits for a person."""
        return bool(self._states) and all(status == "succeeded" for status in self._runs.values())

    def summary(self) -> str:
        """Say in one line what happened."""
        if not self._states:
            return "no node has run"
        good = sum(state in ("succeeded", "cached") for state in self._states)
        took = self.clock() - (self._began or 0.0)
        runs = f"{len(self._runs)} run{'s' if len(self._runs) != 1 else ''}"
        return f"{good} of {len(self._states)} nodes succeeded in {runs}, {self._tokens:,} tokens, {took:.1f} s"


def _client(document: Any, path: Path, report: Report) -> Any:
    from nbclient import NotebookClient

    class TellingClient(NotebookClient):
        """Hands on what runs tell of their progress, which is not part of the saved notebook."""

        def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
            if PROGRESS in (data := msg["content"].get("data", {})):
                report.tell(data.pop(PROGRESS))
            return super().process_message(msg, cell, cell_index)

    return TellingClient(
        document,
        kernel_name="python3",
        timeout=None,
        extra_arguments=["--log-level=ERROR", "--GraphbitMagics.live=pictures"],
        resources={"metadata": {"path": str(path.resolve().parent)}},
    )


def _write(document: Any, path: Path, output: Path) -> dict[str, Path]:
    from graphbit_nb.notebook.html import picture

    nbformat: Any = importlib.import_module("nbformat")
    exporter: Any = importlib.import_module("nbconvert").HTMLExporter()
    output.mkdir(parents=True, exist_ok=True)
    written = {
        "executed notebook": output / path.name,
        "HTML page": output / path.with_suffix(".html").name,
    }
    nbformat.write(document, written["executed notebook"])
    page, _ = exporter.from_notebook_node(document)
    written["HTML page"].write_text(page, encoding="utf-8")
    shown = [output.get("data", {}) for cell in document.cells for output in cell.get("outputs", ())]
    pictures = [found for data in shown if (found := picture(data.get("text/html", "")))]
    if pictures:
        written["drawing"] = output / path.with_suffix(".svg").name
        written["drawing"].write_text(pictures[-1], encoding="utf-8")
    return written


if __name__ == "__main__":
    sys.exit(main())
