"""Nothing is left: no connection, task, thread or child process, and no memory, whichever way it ends."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "providers"))

from faultserver import answer, hang, reset, serving
from faultserver_shapes import CHAT

import graphbit_nb as gb

CALLS = 12

PROGRAM = """
import asyncio, gc, json, os, signal, sys, threading
import graphbit_nb as gb

def sockets():
    return sorted(fd for fd in os.listdir("/proc/self/fd") if is_socket(fd))

def is_socket(fd):
    try:
        return os.readlink(f"/proc/self/fd/{fd}").startswith("socket:")
    except FileNotFoundError:
        return False

def children():
    found = []
    for task in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{task}/children") as listed:
            found += listed.read().split()
    return found

def left():
    gc.collect()
    return {
        "sockets": sockets(),
        "threads": [t.name for t in threading.enumerate() if t is not threading.main_thread()],
        "tasks": [repr(o) for o in gc.get_objects() if isinstance(o, asyncio.Task) and not o.done()],
        "children": children(),
    }

def workflow(count, **more):
    builder = gb.WorkflowBuilder("w")
    for number in range(count):
        builder.add_node(gb.Node.prompt(f"n{number}", f"node {number}", **more))
    return builder.build()

config = gb.LlmConfig.openai_compatible(base_url=sys.argv[1], model="fake-1", options={"check_model": False})
executor = gb.WorkflowExecutor(config, cache="disable", retry=gb.RetryPolicy(max_attempts=3, base_delay=0))
view = lambda event: None

def say(word):
    print(word, flush=True)
    sys.stdin.readline()
"""


class Child:
    """A Python process that asks our server."""

    def __init__(self, process):
        self.process = process

    async def says(self):
        return (await asyncio.wait_for(self.process.stdout.readline(), 60)).decode().strip()

    def go_on(self):
        self.process.stdin.write(b"\n")

    async def end(self, patience=60):
        """Wait for its end; return what it said last and what it complained of."""
        out, err = await asyncio.wait_for(self.process.communicate(), patience)
        assert self.process.returncode == 0, err.decode()
        return out.decode().strip(), err.decode()


async def child(server, source):
    pipe = asyncio.subprocess.PIPE
    return Child(
        await asyncio.create_subprocess_exec(
            sys.executable, "-W", "error", "-c", PROGRAM + source, server.url,
            stdin=pipe, stdout=pipe, stderr=pipe,
        )
    )  # fmt: skip


NOTHING = {"sockets": [], "threads": [], "tasks": [], "children": []}


@pytest.fixture
async def server():
    async with serving() as some:
        yield some


def rough(streams):
    """Some calls of every sort."""

    def choose(seen):
        number = int(seen.body["messages"][-1]["content"].split()[-1])
        good = CHAT.says("hi", streams=seen.body["stream"])
        cut = CHAT.stream(*CHAT.events("Hello")[:1], then="cut")
        return (good, answer("", 500), reset, cut, answer("{ not json"), good)[number % 6]

    return choose


@pytest.mark.parametrize("views", ["", "view"], ids=["whole", "streamed"])
async def test_after_shutdown_nothing_is_left_of_runs_that_have_ended(server, views):
    server.choose = rough(bool(views))
    running = await child(
        server,
        f"for _ in range(3): executor.execute(workflow({CALLS}), views=[{views}])\n"
        "gb.shutdown()\nprint(json.dumps(left()))",
    )
    out, err = await running.end()
    assert (json.loads(out), err) == (NOTHING, "")


@pytest.mark.parametrize("act", [hang, CHAT.stream(*CHAT.events("Hello")[:1], then="hang")], ids=["headers", "events"])
async def test_after_shutdown_nothing_is_left_of_runs_in_flight(server, act):
    server.will(act)
    running = await child(
        server,
        f"handles = [executor.start(workflow({CALLS}), views=[view]) for _ in range(2)]\n"
        "say('started')\ngb.shutdown()\nsay(json.dumps(left()))\n"
        "print([handle.result().status.value for handle in handles])",
    )
    assert await running.says() == "started"
    await server.until(lambda: len(server.seen) == 2 * CALLS)
    running.go_on()
    assert json.loads(await running.says()) == NOTHING
    await server.until(lambda: not server.open)
    running.go_on()
    assert await running.end() == ("['cancelled', 'cancelled']", "")


async def test_after_shutdown_no_thread_of_a_function_is_left(server):
    running = await child(
        server,
        "builder = gb.WorkflowBuilder('w')\n"
        "for number in range(8): builder.add_node(gb.Node.python(f'n{number}', lambda: 1))\n"
        "executor.execute(builder.build())\ngb.shutdown()\nprint(json.dumps(left()))",
    )
    out, err = await running.end()
    assert (json.loads(out), err) == (NOTHING, "")


@pytest.mark.parametrize("act", [hang, CHAT.stream(*CHAT.events("Hello")[:1], then="hang")], ids=["headers", "events"])
async def test_the_interpreter_ends_in_peace_with_runs_in_flight(server, act):
    server.will(act)
    running = await child(server, f"executor.start(workflow({CALLS}), views=[view])\nsay('started')")
    assert await running.says() == "started"
    await server.until(lambda: len(server.seen) == CALLS)
    running.go_on()
    assert await running.end() == ("", "")
    await server.until(lambda: not server.open)


async def test_the_interpreter_ends_in_peace_while_calls_wait_for_their_next_attempt(server):
    server.will(answer("", 503, {"retry-after": "200"}))
    running = await child(server, f"executor.start(workflow({CALLS}))\nsay('started')")
    assert await running.says() == "started"
    await server.until(lambda: len(server.seen) == CALLS)
    running.go_on()
    assert await running.end() == ("", "")


async def test_nothing_is_left_of_runs_on_the_callers_own_loop(server):
    server.choose = rough(streams=False)
    running = await child(
        server,
        f"asyncio.run(executor.run(workflow({CALLS}), loop='current'))\ngb.shutdown()\nprint(json.dumps(left()))",
    )
    out, err = await running.end()
    assert (json.loads(out), err) == (NOTHING, "")


@pytest.mark.parametrize("act", [hang, CHAT.stream(*CHAT.events("Hello")[:1], then="hang")], ids=["headers", "events"])
async def test_an_interrupt_frees_the_connections_while_the_process_lives_on(server, act):
    server.will(act)
    running = await child(
        server,
        f"try: executor.execute(workflow({CALLS}), views=[view])\nexcept KeyboardInterrupt: say(gb.last.status.value)",
    )
    await server.until(lambda: len(server.seen) == CALLS)
    running.process.send_signal(signal.SIGINT)
    assert await running.says() == "cancelled"
    await server.until(lambda: not server.open)
    running.go_on()
    assert await running.end() == ("", "")


@pytest.mark.parametrize("act", [hang, CHAT.stream(*CHAT.events("Hello")[:1], then="hang")], ids=["headers", "events"])
async def test_cancelling_a_run_frees_its_connections(server, act):
    server.will(act)
    config = gb.LlmConfig.openai_compatible(base_url=server.url, model="fake-1", options={"check_model": False})
    builder = gb.WorkflowBuilder("w")
    for number in range(CALLS):
        builder.add_node(gb.Node.prompt(f"n{number}", f"node {number}"))
    handle = gb.WorkflowExecutor(config).start(builder.build(), views=[lambda event: None])
    await server.until(lambda: len(server.seen) == CALLS)
    assert len(server.open) == CALLS
    handle.cancel()
    await server.until(lambda: not server.open)
    assert (await handle).status == "cancelled"


async def test_memory_is_flat_from_run_to_run(server):
    choose = rough(streams=True)

    def forgetful(seen):
        server.seen.clear()
        return choose(seen)

    server.choose = forgetful
    running = await child(
        server,
        "made = workflow(250)\n"
        "executor = gb.WorkflowExecutor(config, cache='disable', retry=1, breaker=False)\n"
        "def blocks_after(runs):\n"
        "    for number in range(runs): executor.execute(made, views=[view] * (number % 2))\n"
        "    gc.collect()\n"
        "    return sys.getallocatedblocks()\n"
        "first, last = blocks_after(4), blocks_after(12)\n"
        "print(last - first)",
    )
    out, err = await running.end(patience=120)
    assert err == ""
    assert int(out) < 1_000  # blocks of memory, after 3,000 calls more
