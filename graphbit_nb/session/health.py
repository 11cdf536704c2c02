"""Whether what runs need is there: providers, the embedded model, the store. Asks nothing that costs anything.

Every check goes on by itself in a daemon thread, and what has not answered in time is said to be late: a provider
that hangs, or a file that is locked, holds nobody up.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphbit_nb.errors import UsageError
from graphbit_nb.session import health_machine as machine
from graphbit_nb.session.health_board import Board, Check
from graphbit_nb.session.health_providers import Wanted, ask_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from graphbit_nb.core.config import LlmConfig
    from graphbit_nb.session.health_board import State

TIMEOUT = 3.0
LONGEST = 60.0
_MARKS: Mapping[State, str] = {"ok": "+", "off": "-", "warning": "!", "failed": "x"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport:
    """What `health_check` found. Printed it is a line for each check."""

    checks: tuple[Check, ...]
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing has failed. What is not set up has not."""
        return not self.failed

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that have failed."""
        return tuple(check for check in self.checks if check.state == "failed")

    def __getitem__(self, what: str) -> Check:
        for check in self.checks:
            if check.what == what:
                return check
        raise KeyError(what)

    def __repr__(self) -> str:
        wide = max((len(check.what) for check in self.checks), default=0)
        lines = [f"{_MARKS[c.state]} {c.what:<{wide}}  {c.state:<7}  {c.said}" for c in self.checks]
        verdict = "all is well" if self.ok else f"{len(self.failed)} failed"
        return "\n".join([f"health: {verdict}", *lines, self.versions_line]).rstrip()

    @property
    def versions_line(self) -> str:
        """The versions in one line."""
        return ", ".join(f"{name} {version}" for name, version in self.versions.items())


def health_check(timeout: float = TIMEOUT, *, configs: Iterable[LlmConfig] = ()) -> HealthReport:
    """Look whether what runs need is there, and say what was found. Raises nothing but for its own arguments.

    Providers are asked for their list of models, which costs nothing: those with a key, those that run on this
    machine, and those of `configs`. The store is written to and the writing taken back.

    Args:
        timeout: Seconds that it may take in all.
        configs: Models that are to be asked with exactly these addresses and keys.

    Raises:
        UsageError: an argument is not allowed.
    """
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout <= LONGEST:
        raise UsageError(f"timeout={timeout!r}: give a number of seconds up to {LONGEST:g}")
    board = Board(timeout)
    wanted = Wanted.of(tuple(configs))
    board.begin("home", machine.home)
    board.begin("store", lambda: machine.store(timeout))
    board.begin("cache", machine.cache)
    board.begin("disk", machine.disk)
    board.begin("local model", machine.local)
    board.begin("circuits", machine.circuits)
    if wanted.asked:
        board.begin_asking(wanted.asked, lambda: asyncio.run(ask_all(wanted, board, timeout)))
    if wanted.without_key:
        board.tell(Check(what="no key", state="off", said=", ".join(wanted.without_key)))
    return HealthReport(checks=board.wait(), versions=machine.versions())
