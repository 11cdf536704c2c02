"""`python -m benchmarks`: what the engine costs, as ratios against the least that could do the same.

Words select sections. `python -m benchmarks peers` measures other engines next to it, each in its own environment.
"""

from __future__ import annotations

import os
import sys
import tempfile
from importlib import import_module

SECTIONS = (
    "overhead",
    "makespan",
    "parallel",
    "build",
    "scale",
    "imports",
    "memory",
    "http",
    "store",
    "telemetry",
    "notebook",
)


def main() -> None:
    """Print each section."""
    if sys.argv[1:2] == ["peers"]:
        from benchmarks.peers import compare

        return compare.main(sys.argv[2:])
    chosen = sys.argv[1:] or SECTIONS
    if unknown := [name for name in chosen if name not in SECTIONS]:
        sys.exit(f"no section {unknown[0]!r}; there are {', '.join(SECTIONS)}, and peers")
    with tempfile.TemporaryDirectory() as home:
        os.environ["GRAPHBIT_HOME"] = home  # what a run keeps is not kept here
        for name in chosen:
            for line in import_module(f"benchmarks.{name}").section():
                print(line, flush=True)
    return None


if __name__ == "__main__":
    main()
