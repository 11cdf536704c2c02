"""How far a run is, on one line of a terminal."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

from graphbit_nb.core.events import RunFinished, RunStarted
from graphbit_nb.core.snapshot import RunSnapshot
from graphbit_nb.core.states import NodeState

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphbit_nb.core.events import Event

_FORMAT = "{desc} {percentage:3.0f}% |{bar}| {n_fmt} of {total_fmt} [{elapsed}<{remaining}{postfix}]"
PACE = 0.1  # seconds between two looks at the run: a look goes through all its steps
_TOLD = (NodeState.RUNNING, NodeState.RETRYING, NodeState.WAITING, NodeState.FAILED)


class ProgressBar:
    """A line that says how far a run is: steps, time, what runs, what failed, tokens and money.

    A view of one run at a time: ``executor.execute(workflow, inputs, views=(gb.ProgressBar(),))``. Where the output is
    no terminal nothing is written. A run that is gone on with is not shown by events alone; `show` takes its snapshot.

    Args:
        file: Where it is written; None is standard error.
        width: Columns that there are; None asks the terminal.
        clock: Seconds, for the pace.
    """

    def __init__(
        self, file: TextIO | None = None, *, width: int | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._file = sys.stderr if file is None else file
        self._is_terminal = self._file is not None and self._file.isatty()  # a program without windows has none
        self._width = width
        self._clock = clock
        self._bar: Any = None
        self._snapshot: RunSnapshot | None = None  # of the run whose events are heard
        self._latest: RunSnapshot | None = None  # what the line is about
        self._next = 0.0  # by the clock: before, nothing is written

    def __call__(self, event: Event) -> None:
        """Take in an event of the run."""
        if not self._is_terminal:
            return
        if isinstance(event, RunStarted):
            self.close()
            self._snapshot = RunSnapshot()
        if self._snapshot is None:
            return
        self._snapshot.apply(event)
        self.show(self._snapshot)
        if isinstance(event, RunFinished):
            self.close()
            self._snapshot = None

    def show(self, snapshot: RunSnapshot) -> None:
        """Show where a run stands; not more often than people can read."""
        if not self._is_terminal:
            return
        self._latest = snapshot
        now = self._clock()
        if self._bar is None:
            from tqdm import tqdm  # a terminal's widths, its carriage returns and its times are its business

            self._bar = tqdm(
                desc=snapshot.workflow, total=snapshot.total, initial=snapshot.done, unit="step", file=self._file,
                bar_format=_FORMAT, ncols=self._width, dynamic_ncols=self._width is None,
            )  # fmt: skip
        elif now < self._next:
            return
        self._next = now + PACE
        self._write(snapshot)

    def aside(self, write: Callable[[], None]) -> None:
        """Let something be written above the bar."""
        if self._bar is not None:
            self._bar.clear()
        write()
        if self._bar is not None:
            self._bar.refresh()

    def close(self) -> None:
        """Leave the line as it is at last."""
        if self._bar is not None and self._latest is not None:
            self._write(self._latest)
            self._bar.close()
        self._bar = self._latest = None

    def _write(self, snapshot: RunSnapshot) -> None:
        bar = self._bar
        bar.total, bar.n = snapshot.total, snapshot.done
        bar.set_postfix_str(postfix(snapshot), refresh=False)
        bar.refresh()


def postfix(snapshot: RunSnapshot) -> str:
    """Say what goes on beside the count."""
    leaves = [node.state for node in tuple(snapshot.index.values()) if not node.parts]
    told = [f"{count} {state}" for state in _TOLD if (count := leaves.count(state))]
    usage = snapshot.usage
    if usage.has_tokens:
        told.append(f"{usage.total_tokens:,} tokens")
    if cost := snapshot.cost:
        told.append(f"${cost:.4f}")
    return ", ".join(told)
