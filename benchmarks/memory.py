"""Memory of a small program outside Jupyter, each step in a process of its own.

`python -m benchmarks.memory STEP` is what such a process does.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks.measure import in_fresh_process, peak_memory, report

if TYPE_CHECKING:
    from collections.abc import Iterator

REPEATS = 3
MEBI = 1 << 20
STEPS = {
    "interpreter": "the interpreter with asyncio",
    "bare": "bare loop, 10 nodes run",
    "imported": "import graphbit_nb",
    "begun": "gb.init()",
    "executor": "gb.init() and an executor",
    "run": "gb.init(), 10 python nodes run",
    "prompts": "gb.init(), 10 prompt nodes run",
}


def section() -> Iterator[str]:
    yield "peak of memory of a small program"
    yield f"  {'':<38}{'in all':>12} {'beyond':>12}"
    least = 0
    for step, name in STEPS.items():
        peak = min(in_fresh_process("benchmarks.memory", step)[0]["peak"] for _ in range(REPEATS))
        least = least or peak
        yield f"  {name:<38}{peak / MEBI:8.1f} MiB {(peak - least) / MEBI:8.1f} MiB"


def main(step: str) -> None:
    """Do what the step says and report the peak of memory."""
    if step == "bare":
        _run_bare()
    elif step != "interpreter":
        import graphbit_nb as gb

        if step != "imported":
            gb.init()
        if step == "executor":
            gb.WorkflowExecutor()
        elif step in ("run", "prompts"):
            _run_ours(step)
    report(peak=peak_memory())


def _run_bare() -> None:
    import asyncio

    from benchmarks import bare
    from benchmarks.graphs import chain
    from benchmarks.work import Work

    work = Work(graph := chain(10))
    asyncio.run(bare.run(graph, work.functions()))
    work.check()


def _run_ours(step: str) -> None:
    import graphbit_nb as gb
    from benchmarks.graphs import chain

    builder = gb.WorkflowBuilder("benchmark")
    for name, before in chain(10).items():
        read = before or ["topic"]
        if step == "run":
            builder.add_node(gb.Node.python(name, lambda value: value + 1, inputs=read))
        else:
            builder.add_node(gb.Node.prompt(name, f"One more than {{{{ {read[0]} }}}}?"))
    config = gb.LlmConfig.scripted({"*": "more"}) if step == "prompts" else None
    result = gb.WorkflowExecutor(config).execute(builder.build(), {"topic": 1})
    assert result.is_success(), result.status
    assert result.outputs["n9"] == ("more" if step == "prompts" else 11)


if __name__ == "__main__":
    main(sys.argv[1])
