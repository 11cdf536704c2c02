"""`execute(loop="current")` inside a running loop: the one use of nest_asyncio, in a process of its own."""

import subprocess
import sys

BEGINNING = """
import asyncio
import threading
import graphbit_nb as gb
from graphbit_nb.notebook.loop import run_nested
from graphbit_nb.session.engine_thread import engine_thread

gb.WorkflowExecutor.nested = staticmethod(run_nested)
seen = []

async def where():
    seen.append(asyncio.get_running_loop())
    await asyncio.sleep(0)
    return 1

builder = gb.WorkflowBuilder("w")
builder.add_node(gb.Node.python("where", where))
workflow = builder.build()
executor = gb.WorkflowExecutor()

def state():
    names = ("run", "Task", "Future", "get_event_loop", "_nest_patched")
    return [vars(asyncio).get(name) for name in names], asyncio.tasks.Task
"""


def printed(main, beginning=BEGINNING):
    program = f"{beginning}\n{main}\nasyncio.run(main())\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


def test_nodes_run_on_the_callers_own_loop():
    main = """
async def main():
    result = executor.execute(workflow, loop="current")
    print(result.status, seen == [asyncio.get_running_loop()])
"""
    assert printed(main) == "succeeded True\n"


def test_asyncio_is_afterwards_as_it_was():
    main = """
async def main():
    loop, before = asyncio.get_running_loop(), state()
    kind = type(loop)
    executor.execute(workflow, loop="current")
    print(state() == before, type(loop) is kind, hasattr(kind, "_nest_patched"))
"""
    assert printed(main) == "True True False\n"


def test_the_engines_loop_is_never_patched():
    main = """
async def main():
    patched = []

    async def look():
        patched.append(hasattr(asyncio.get_running_loop(), "_nest_patched"))

    async def ask():
        await asyncio.wrap_future(engine_thread().submit(look))
        patched.append(hasattr(asyncio.get_running_loop(), "_nest_patched"))
        return 1

    builder = gb.WorkflowBuilder("asks")
    builder.add_node(gb.Node.python("ask", ask))
    executor.execute(builder.build(), loop="current")
    print(patched)
"""
    assert printed(main) == "[False, True]\n"


def test_every_way_works_again_and_again_in_any_order():
    main = """
async def main():
    for _ in range(3):
        results = [
            executor.execute(workflow, loop="current"), await executor.run(workflow, loop="current"),
            await executor.run(workflow), executor.execute(workflow),
        ]
        print(*(str(result.status) for result in results))
"""
    assert printed(main) == "succeeded succeeded succeeded succeeded\n" * 3


def test_what_else_is_due_on_the_loop_runs_and_the_loop_goes_on():
    main = """
async def other(number):
    print("other", number)

async def nested():
    return executor.execute(workflow, loop="current").status

async def main():
    told = await asyncio.gather(nested(), *(other(number) for number in range(3)))
    print(told[0])
"""
    assert printed(main) == "other 0\nother 1\nother 2\nsucceeded\n"


STUCK = """
import os
import signal

async def stuck():
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()  # by then the loop waits
    await asyncio.Event().wait()

builder = gb.WorkflowBuilder("stuck")
builder.add_node(gb.Node.python("stuck", stuck))
"""


def test_an_interrupt_cancels_the_run():
    """Under asyncio.run, as in a kernel's cell that awaits, an interrupt would cancel the task that blocks."""
    main = """
async def main():
    try:
        executor.execute(builder.build(), loop="current")
    except KeyboardInterrupt:
        print(gb.last.status)
    print(executor.execute(workflow, loop="current").status)
"""
    assert printed(STUCK + main) == "cancelled\nsucceeded\n"


def test_who_has_patched_asyncio_himself_keeps_it_so():
    main = """
import nest_asyncio

async def main():
    nest_asyncio.apply()
    print(executor.execute(workflow, loop="current").status, asyncio._nest_patched)
"""
    assert printed(main) == "succeeded True\n"


def test_without_the_extension_the_better_way_is_named():
    main = """
async def main():
    executor.execute(workflow, loop="current")
"""
    beginning = BEGINNING.replace("gb.WorkflowExecutor.nested = staticmethod(run_nested)", "")
    assert "await executor.run(..., loop='current')" in printed(main, beginning)
