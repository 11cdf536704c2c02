"""In a real kernel every way to run a workflow works, after every other way, also after it was interrupted."""

import pytest
from kernels import SCRIPT, errors, says

DOORS = {
    "execute": "results.append(executor.execute(workflow))",
    "run": "results.append(await executor.run(workflow))",
    "run on the cell's own loop": "results.append(await executor.run(workflow, loop='current'))",
    "execute on the cell's own loop": "results.append(executor.execute(workflow, loop='current'))",
    "execute in a cell that awaits as well": "await asyncio.sleep(0)\nresults.append(executor.execute(workflow))",
    "execute on its own loop in such a cell": (
        "await asyncio.sleep(0)\nresults.append(executor.execute(workflow, loop='current'))"
    ),
    "line": "r = %graphbit run slow\nresults.append(r)",
    "line in %time": "%time r = get_ipython().run_line_magic('graphbit', 'run slow')\nresults.append(r)",
    "line in %%time": "%%time\nr = %graphbit run slow\nresults.append(r)",
    "cell": "%%graphbit prompt slow --run\nx",
    "background": "handle = %graphbit run slow --background\nresults.append(await handle)",
}
PREPARE = """
answer = "fine"
async def at_will(request):
    if answer is None:
        print("asked")
    while answer is None:
        await asyncio.sleep(0.01)
    return answer
script = gb.LlmConfig.scripted({"slow": at_will})
%graphbit config --config script
%graphbit new doors
%graphbit reset
"""
COUNT = """
def status_of(results):
    return sorted({str(result.status) for result in results}), len(results)
workflow = get_ipython().magics_manager.registry["GraphbitMagics"].workspace.built()
executor = gb.WorkflowExecutor(script)
results = []
names = ("run", "Task", "Future", "get_event_loop", "_nest_patched")
asyncio_before = {name: vars(asyncio).get(name) for name in names}
"""


@pytest.fixture
def doors(kernel):
    """A workflow of one node in a kernel, whose variable `answer` is what the node answers; None waits."""
    kernel.run(SCRIPT)
    kernel.run(PREPARE)
    kernel.run("%%graphbit prompt slow\nx")
    kernel.run(COUNT)
    return kernel


def sequence(names):
    """Names in an order in which each comes after each, itself included."""
    for number, name in enumerate(names):
        yield name
        for later in names[number + 1 :]:
            yield from (name, later)


def test_every_way_to_run_works_in_a_kernel_in_any_order(doors):
    order = list(sequence(list(DOORS)))
    for name in order:
        assert errors(doors.run(DOORS[name])) == [], name
    ran = sum(name != "cell" for name in order)
    assert doors.printed("print(status_of(results))") == f"(['succeeded'], {ran})\n"
    code = "print(all(vars(asyncio).get(name) is value for name, value in asyncio_before.items()))"
    assert doors.printed(code) == "True\n"


def test_cells_that_are_sent_together_all_run(doors):
    """Run All: the next cells are there while one of them runs a loop within the kernel's."""
    names = [name for name in DOORS for _ in range(2)]
    requests = [doors.start(DOORS[name]) for name in names]
    assert [doors.reply(request)["status"] for request in requests] == ["ok"] * len(names)
    ran = sum(name != "cell" for name in names)
    assert doors.printed("print(status_of(results))") == f"(['succeeded'], {ran})\n"


INTERRUPTED = [name for name in DOORS if name not in ("background", "execute in a cell that awaits as well")]


@pytest.mark.parametrize("name", INTERRUPTED)
def test_every_way_can_be_interrupted_and_every_way_works_afterwards(doors, name):
    doors.run("answer = None")
    request = doors.start(DOORS[name])
    doors.messages(request, until=says("asked"))
    doors.manager.interrupt_kernel()
    (error,) = errors(doors.messages(request))
    assert error["ename"] in ("RunCancelled", "KeyboardInterrupt", "CancelledError"), "\n".join(error["traceback"])
    assert doors.printed("print(gb.last.status)") == "cancelled\n"
    doors.run("answer = 'fine'")
    for other in DOORS.values():
        assert errors(doors.run(other)) == []
