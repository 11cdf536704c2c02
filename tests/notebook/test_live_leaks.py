"""Cells that are run again and again leave nothing behind."""

import json

SETUP = """
%load_ext graphbit_nb
import asyncio, gc, json, os, threading
import graphbit_nb as gb
from graphbit_nb.session.engine_thread import engine_thread
from ipywidgets.widgets.widget import _instances
%config GraphbitMagics.live = "widget"
%config GraphbitMagics.draw = False
script = gb.LlmConfig.scripted({"*": "said"})
%graphbit config --config script

def children():
    return [pid for pid in os.listdir("/proc") if pid.isdigit() and _parent(pid) == os.getpid()]

def _parent(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return int(stat.read().rpartition(")")[2].split()[1])
    except OSError:
        return 0

async def tasks():
    return len(asyncio.all_tasks()) - 1

def counted():
    gc.collect()
    left = engine_thread().submit(tasks).result(10)
    comms = get_ipython().kernel.comm_manager.comms
    return [len(_instances), len(comms), threading.active_count(), left, len(children())]

def again(times):
    run = get_ipython().run_cell
    for number in range(times):
        for cell in ("%%graphbit prompt first\\nx", "%%graphbit prompt other\\n{{ first }}", "%graphbit show",
                     "r = %graphbit run --fresh", "%graphbit reset" if number % 20 == 19 else ""):
            assert run(cell).success
"""


def numbers(kernel):
    """Widgets, comms, threads, tasks, children."""
    printed = kernel.printed("print(json.dumps(counted()))")
    return json.loads(next(line for line in printed.splitlines() if line.startswith("[")))


def test_two_hundred_rounds_leave_no_widget_thread_task_or_process(kernel):
    kernel.run(SETUP)
    kernel.printed("again(5)")
    before = numbers(kernel)
    for _ in range(10):
        kernel.run("again(20)")
    after = numbers(kernel)
    assert after == before
