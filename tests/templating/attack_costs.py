"""What hostile templates of a kilobyte cost: `python -m tests.templating.attack_costs` prints the slowest."""

from __future__ import annotations

import sys
import time
import tracemalloc
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from victim import Victim, payloads

from graphbit_nb.errors import GraphbitError
from graphbit_nb.templating import Template

SMALL = {"victim": {"y": 1}, "value": "text"}


def render(source: str, values: object = None) -> None:
    """Make and render a template; that it is refused is fine."""
    with suppress(GraphbitError):
        Template(source).render(SMALL if values is None else values)  # type: ignore[arg-type]


def peak_of(source: str) -> int:
    """Return the bytes that it takes at most."""
    render("{{ value }}")  # what is imported late
    tracemalloc.start()
    try:
        render(source)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def main() -> None:
    """Print the slowest ten."""
    from test_template_attacks import BOMBS

    rows = []
    for name, source in [*BOMBS.items(), *((payload, payload) for _, payload, _ in payloads())]:
        values = {"victim": Victim()} if name == source else SMALL
        took = []
        for _ in range(3):
            began = time.perf_counter()
            render(source, values)
            took.append(time.perf_counter() - began)
        rows.append((min(took), peak_of(source), name))
    print(f"{len(rows)} templates; the slowest:")
    for took, peak, name in sorted(rows, reverse=True)[:10]:
        print(f"  {1000 * took:7.1f} ms {peak / 1e6:6.2f} MB  {name[:70]}")


if __name__ == "__main__":
    main()
