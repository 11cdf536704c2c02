"""Importing, each in a fresh interpreter, beyond the interpreter's own start."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.measure import ROOT, by_turns, seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterator

REPEATS = 9
STATEMENTS = (
    "import asyncio, graphlib",  # what the bare loop needs, and the measure of the others
    "import graphbit_nb",
    "from graphbit_nb import Node, WorkflowBuilder",
    "from graphbit_nb.execution.engine import Engine",
    "from graphbit_nb import WorkflowExecutor",
    "from graphbit_nb import Node, WorkflowBuilder, WorkflowExecutor",
    "import graphbit_nb; graphbit_nb.init()",
)


def section() -> Iterator[str]:
    yield "importing, beyond the interpreter's start"
    for statement, seconds, ratio in measured(sys.executable, STATEMENTS, REPEATS):
        yield f"  {statement:<66}{seconds * 1e3:7.0f} ms {ratio:7.2f}x"


def measured(python: str, statements: tuple[str, ...], repeats: int) -> list[tuple[str, float, float]]:
    """Return each statement, its seconds, and their ratio to those of the first statement."""
    starts = [partial(_seconds_in, python, statement) for statement in ("pass", *statements)]
    empty, *taken = by_turns(repeats, *starts)
    beyond = [max(seconds - empty, 0.0) for seconds in taken]
    return [(statement, seconds, seconds / beyond[0]) for statement, seconds in zip(statements, beyond, strict=True)]


def _seconds_in(python: str, statement: str) -> float:
    return seconds_of(lambda: subprocess.run([python, "-c", statement], cwd=ROOT, check=True))
