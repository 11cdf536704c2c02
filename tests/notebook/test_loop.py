"""`execute(loop="current")` inside a running loop: the one use of nest_asyncio, in a process of its own."""

import subprocess
import sys

PROGRAM = """
import asyncio
import graphbit_nb as gb
from graphbit_nb.notebook.loop import run_nested

gb.WorkflowExecutor.nested = staticmethod(run_nested)
seen = []

async def where():
    seen.append(asyncio.get_running_loop())
    return 1

builder = gb.WorkflowBuilder("w")
builder.add_node(gb.Node.python("where", where))
workflow = builder.build()

async def main():
    result = gb.WorkflowExecutor().execute(workflow, loop="current")
    print(result.status, seen == [asyncio.get_running_loop()])

asyncio.run(main())
"""


def test_nodes_run_on_the_callers_own_loop():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "succeeded True\n", done.stderr


def test_without_the_extension_the_better_way_is_named():
    program = PROGRAM.replace("gb.WorkflowExecutor.nested = staticmethod(run_nested)", "")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert "await executor.run(..., loop='current')" in done.stderr
