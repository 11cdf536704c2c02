"""`python -m benchmarks`: what the engine costs, as ratios against the least that could do the same."""

from __future__ import annotations

import sys

from benchmarks import engine


def main() -> None:
    """Print each section; words on the command line select sections."""
    chosen = sys.argv[1:] or list(engine.SECTIONS)
    if unknown := [name for name in chosen if name not in engine.SECTIONS]:
        sys.exit(f"no section {unknown[0]!r}; there are {', '.join(engine.SECTIONS)}")
    for name in chosen:
        for line in engine.SECTIONS[name]():
            print(line, flush=True)


if __name__ == "__main__":
    main()
