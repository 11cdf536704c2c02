"""Setting up, winding down, and the end of the process."""

import logging
import subprocess
import sys
import threading
import time

import pytest

import graphbit_nb as gb

LIMIT = 20  # seconds for a process that should take one


def python_process(source):
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", source], capture_output=True, text=True, timeout=60, check=False
    )
    return done, time.monotonic() - began


def threads():
    return [t for t in threading.enumerate() if t.name.startswith("graphbit") and t.name != "graphbit-function"]


def test_after_shutdown_the_engine_is_gone_and_the_next_run_works(executor, workflow):
    gb.shutdown()
    before = set(threads())  # of databases that other tests have left open
    assert executor.execute(workflow, {"topic": "x"}).is_success()
    began = {t.name for t in threads() if t not in before}
    assert began == {"graphbit-engine", "graphbit-writer", "graphbit-reader"}
    gb.shutdown()
    assert set(threads()) == before
    assert all(t.daemon for t in threading.enumerate() if t.name.startswith("graphbit"))
    gb.shutdown()
    assert executor.execute(workflow, {"topic": "x"}).is_success()


def test_shutdown_cancels_what_runs_and_its_result_is_there(executor):
    started = threading.Event()

    async def fn():
        import asyncio

        started.set()
        await asyncio.sleep(3_600)

    builder = gb.WorkflowBuilder("w")
    builder.add_node(gb.Node.python("a", lambda: 1))
    builder.add_node(gb.Node.python("b", fn, after="a"))
    handle = executor.start(builder.build())
    assert started.wait(10)
    gb.shutdown()
    result = handle.result(10)
    assert (result.status, result.outputs, result.nodes["b"].state) == ("cancelled", {"a": 1}, "cancelled")


def test_init_is_optional_idempotent_and_silent():
    gb.init()
    gb.init()
    with pytest.raises(gb.UsageError, match="log_level='debgu'; did you mean 'debug'"):
        gb.init(log_level="debgu")


def test_a_log_level_writes_to_stderr_once():
    logger = logging.getLogger("graphbit_nb")
    handlers, level = list(logger.handlers), logger.level
    try:
        gb.init(log_level="warning")
        gb.init(log_level="error")
        assert logger.level == logging.ERROR
        assert len(logger.handlers) == len(handlers) + 1
    finally:
        gb.shutdown()
        logger.handlers[:], logger.level = handlers, level


def test_what_there_is_to_know_about_the_machine():
    info = gb.get_system_info()
    assert info["version"] == gb.version()
    assert set(info) == {"version", "python", "platform", "cpu_count", "local_runtime"}


HANGS = """
import time, graphbit_nb as gb
b = gb.WorkflowBuilder("w")
b.add_node(gb.Node.python("a", lambda: time.sleep(3600), timeout=0.1))
b.add_node(gb.Node.python("b", lambda: "done"))
result = gb.WorkflowExecutor().execute(b.build())
print(result.errors["a"].type, result.outputs)
"""


def test_a_function_that_sleeps_for_an_hour_does_not_hold_up_the_exit():
    done, seconds = python_process(HANGS)
    assert done.stdout == "TimeoutError {'b': 'done'}\n"
    assert done.returncode == 0
    assert seconds < LIMIT


def test_a_run_that_nobody_waits_for_does_not_hold_up_the_exit():
    done, seconds = python_process(
        "import asyncio, graphbit_nb as gb\n"
        "async def fn(): await asyncio.sleep(3600)\n"
        "b = gb.WorkflowBuilder('w'); b.add_node(gb.Node.python('a', fn))\n"
        "handle = gb.WorkflowExecutor().start(b.build())\n"
        "import time\n"
        "while handle.snapshot is None: time.sleep(0.01)\n"
        "print(handle.snapshot.status)\n"
    )
    assert (done.stdout, done.returncode) == ("running\n", 0)
    assert seconds < LIMIT


def test_a_node_that_ignores_the_end_does_not_hold_up_the_exit():
    done, seconds = python_process(
        "import asyncio, graphbit_nb as gb\n"
        "async def fn():\n"
        "    while True:\n"
        "        try: await asyncio.sleep(3600)\n"
        "        except asyncio.CancelledError: pass\n"
        "b = gb.WorkflowBuilder('w'); b.add_node(gb.Node.python('a', fn))\n"
        "handle = gb.WorkflowExecutor().start(b.build())\n"
        "import time\n"
        "while handle.snapshot is None: time.sleep(0.01)\n"
        "time.sleep(0.2); gb.shutdown(); print(handle.result().status)\n"
    )
    assert (done.stdout, done.returncode) == ("cancelled\n", 0)
    assert seconds < LIMIT


def test_a_forked_process_has_an_engine_of_its_own():
    done, seconds = python_process(
        "import os, graphbit_nb as gb\n"
        "b = gb.WorkflowBuilder('w'); b.add_node(gb.Node.python('a', lambda: os.getpid()))\n"
        "w = b.build(); e = gb.WorkflowExecutor(); e.execute(w)\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    ok = e.execute(w).outputs['a'] == os.getpid(); os._exit(0 if ok else 1)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
    )
    assert done.stdout == "0\n", done.stderr
    assert seconds < LIMIT


def test_what_runs_do_is_not_counted_where_nobody_wants_it():
    builder = gb.WorkflowBuilder("w")
    builder.add_node(gb.Node.python("a", lambda: 1))
    workflow = builder.build()
    gb.init(metrics=False)
    gb.WorkflowExecutor(storage="memory").execute(workflow)
    assert gb.metrics().figures().nodes == ()
    gb.init(metrics=True)
    gb.WorkflowExecutor(storage="memory").execute(workflow)
    assert [node.node for node in gb.metrics().figures().nodes] == ["a"]
    gb.init(metrics=False)
    gb.shutdown()
    gb.WorkflowExecutor(storage="memory").execute(workflow)
    assert len(gb.metrics().figures().nodes) == 1
    with pytest.raises(gb.UsageError, match="metrics='no': give True or False"):
        gb.init(metrics="no")
    gb.shutdown()
