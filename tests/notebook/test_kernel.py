"""In a real kernel: interrupts, saved notebooks, and the tools that run notebooks."""

import queue
import subprocess
import sys
import textwrap
import time

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter

LIMIT = 60  # seconds; only a fault comes near it

SCRIPT = """
%load_ext graphbit_nb
import asyncio
import graphbit_nb as gb

async def forever(request):
    await asyncio.Event().wait()

script = gb.LlmConfig.scripted({"first": "done", "slow": forever, "*": "fine"})
%graphbit config --config script
%config GraphbitMagics.live = "pictures"
"""


def notebook(*cells):
    return nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(textwrap.dedent(cell).strip("\n")) for cell in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )


def execute(*cells):
    document = notebook(*cells)
    NotebookClient(document, kernel_name="python3", timeout=LIMIT, extra_arguments=["--log-level=ERROR"]).execute()
    return document


class Kernel:
    """Runs code in a kernel and gathers what comes back."""

    def __init__(self, manager, client):
        self.manager, self.client = manager, client

    def start(self, code):
        return self.client.execute(textwrap.dedent(code).strip("\n"))

    def messages(self, request, until=lambda message: False):
        """What the cell says, until it is idle or `until` is true of a message."""
        gathered, deadline = [], time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            try:
                message = self.client.get_iopub_msg(timeout=1)
            except queue.Empty:
                continue
            if message["parent_header"].get("msg_id") != request:
                continue
            gathered.append(message)
            is_idle = message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"
            if is_idle or until(message):
                return gathered
        raise AssertionError(f"no end in {LIMIT} s: {[m['msg_type'] for m in gathered]}")

    def run(self, code):
        return self.messages(self.start(code))

    def printed(self, code):
        return "".join(m["content"]["text"] for m in self.run(code) if m["msg_type"] == "stream")


@pytest.fixture(scope="module")
def kernel():
    manager, client = start_new_kernel(kernel_name="python3", extra_arguments=["--log-level=ERROR"])
    yield Kernel(manager, client)
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def errors(messages):
    return [m["content"] for m in messages if m["msg_type"] == "error"]


def shows(text):
    return lambda message: text in str(message["content"].get("data", {}).get("text/html", ""))


def interrupt_when(kernel, code, text):
    request = kernel.start(code)
    kernel.messages(request, until=shows(text))
    kernel.manager.interrupt_kernel()
    return kernel.messages(request)


def define_slow(kernel):
    kernel.run(SCRIPT)
    kernel.run("%graphbit reset")
    kernel.run("%%graphbit prompt first\nx")
    kernel.run("%%graphbit prompt slow\n{{ first }}")


def test_an_interrupt_cancels_the_run_and_keeps_what_was_finished(kernel):
    define_slow(kernel)
    (error,) = errors(interrupt_when(kernel, "%graphbit run", ">slow</b>"))
    assert error["ename"] == "RunCancelled"
    assert error["evalue"] == "cancelled: 1 of 2 nodes had finished; graphbit_nb.last keeps their results"
    assert len(error["traceback"]) == 1
    said = kernel.printed("print(gb.last.outputs, gb.last.nodes['slow'].state, gb.last.status)")
    assert said == "{'first': 'done'} cancelled cancelled\n"


def test_an_interrupt_works_as_well_where_the_run_cannot_be_awaited(kernel):
    define_slow(kernel)
    (error,) = errors(interrupt_when(kernel, "%%time\n%graphbit run", ">slow</b>"))
    assert error["ename"] == "RunCancelled"


def test_after_an_interrupt_the_next_run_works(kernel):
    define_slow(kernel)
    interrupt_when(kernel, "%graphbit run", ">slow</b>")
    assert kernel.printed("r = %graphbit run first\nprint(r.status)") == "succeeded\n"


def test_printed_text_of_nodes_goes_to_the_cell_that_runs_them(kernel):
    kernel.run(SCRIPT)
    kernel.run("%graphbit reset")
    kernel.run("%%graphbit python plain\nprint('from a thread')\nreturn 1")
    kernel.run("%%graphbit python on_loop\nawait asyncio.sleep(0)\nprint('from the loop')\nreturn 2")
    said = kernel.printed("r = %graphbit run")
    assert "from a thread" in said
    assert "from the loop" in said


def test_every_door_works_in_a_running_loop_and_in_any_order(kernel):
    kernel.run(SCRIPT)
    kernel.run("%graphbit reset")
    kernel.run("%%graphbit prompt one\nx")
    code = """
    workflow = get_ipython().magics_manager.registry["GraphbitMagics"].workspace.built()
    executor = gb.WorkflowExecutor(script)
    results = [executor.execute(workflow), await executor.run(workflow), await executor.run(workflow, loop="current")]
    r = %graphbit run
    results += [r, executor.execute(workflow)]
    print([str(result.status) for result in results])
    """
    assert kernel.printed(code) == f"{['succeeded'] * 5}\n"


def test_no_default_path_patches_asyncio(kernel):
    kernel.run(SCRIPT)
    kernel.run("%graphbit reset")
    kernel.run("%%graphbit prompt one\nx")
    kernel.run("r = %graphbit run")
    code = "import asyncio, sys; print(hasattr(asyncio, '_nest_patched'), 'nest_asyncio' in sys.modules)"
    assert kernel.printed(code) == "False False\n"


def test_tab_in_a_kernel_offers_what_fits_and_says_what_it_replaces(kernel):
    kernel.run("%reload_ext graphbit_nb\n%graphbit new tab\n%graphbit reset")
    kernel.run("%%graphbit prompt outline\nx")
    for code, matches, begins in (
        ("%%graphbit prompt x --pro", ["--provider"], 20),
        ("%%graphbit prompt x\n{{ ou", ["outline"], 23),
    ):
        reply = kernel.client.complete(code, reply=True, timeout=LIMIT)["content"]
        assert (reply["matches"], reply["cursor_start"]) == (matches, begins)


@pytest.mark.local
def test_an_interrupt_while_the_model_generates_frees_it_for_the_next_run(kernel):
    kernel.run("%reload_ext graphbit_nb\nimport graphbit_nb as gb\n%graphbit new local_run")
    kernel.run("%graphbit config --provider local")
    kernel.run("%%graphbit prompt story --max-tokens 3000\nWrite a very long story about a river and a mill.")
    (error,) = errors(interrupt_when(kernel, "%graphbit run", "characters"))
    assert error["ename"] == "RunCancelled"
    kernel.run("%%graphbit prompt short --max-tokens 8\nSay hello.")
    code = "r = %graphbit run short\nprint(r.status, r.nodes['short'].latency < 20)"
    assert kernel.printed(code) == "succeeded True\n"


# ---- saved notebooks


def test_a_saved_notebook_shows_drawing_and_answers_without_a_kernel():
    document = execute(
        SCRIPT, "%%graphbit prompt first\nx", "%%graphbit prompt other\n{{ first }}", "r = %graphbit run"
    )
    page, _ = HTMLExporter().from_notebook_node(document)
    assert "data:image/svg+xml," in page
    assert ">done<" in page.replace("\n", "")
    assert "application/vnd.jupyter.widget-view+json" not in page


def test_only_the_newest_drawing_of_a_workflow_is_saved():
    document = execute(SCRIPT, "%%graphbit prompt first\nx", "%%graphbit prompt other\n{{ first }}")
    earlier, newest = (cell.outputs[0].data for cell in document.cells[1:])
    assert "image/svg+xml" not in earlier
    assert earlier["text/plain"] == "first (prompt)"
    assert "image/svg+xml" in newest


def test_what_programs_are_told_of_the_progress_is_not_saved():
    document = execute(SCRIPT, "%%graphbit prompt first\nx", "r = %graphbit run")
    assert "graphbit.progress" not in nbformat.writes(document)


def test_a_run_that_waits_for_a_person_lets_later_cells_go_on_and_is_answered_there():
    document = execute(
        SCRIPT,
        "%%graphbit human approve --output 'yes|no'\nMay it go out?",
        "%%graphbit prompt other --when approve=yes\nx",
        "r = %graphbit run",
        "print(r.status)",
        "r = %graphbit answer approve yes",
        "print(r.status, r.outputs)",
    )
    waiting, answered = (document.cells[number].outputs[0].data for number in (3, 5))
    assert "May it go out?" in waiting["text/html"]
    assert "answer with %graphbit answer approve yes|no" in waiting["text/plain"]
    assert document.cells[4].outputs[0].text == "waiting\n"
    assert answered["text/plain"].startswith("workflow succeeded")
    assert document.cells[6].outputs[0].text == "succeeded {'approve': 'yes', 'other': 'fine'}\n"


def test_the_drawing_of_a_workflow_that_holds_a_changed_one_is_drawn_anew():
    document = execute(
        SCRIPT,
        "%graphbit new inner",
        "%%graphbit prompt one\n{{ topic }}",
        "%graphbit use workflow",
        "%%graphbit workflow holds --of inner",
        "%graphbit use inner",
        "%%graphbit prompt one\n{{ theme }}",
    )
    drawn = document.cells[4].outputs[0].data
    assert "theme" in drawn["image/svg+xml"]
    assert "topic" not in drawn["image/svg+xml"]


SLIPS = [
    "%%graphbit prompt x --temprature 1\nhi",
    "%%graphbit promt x\nhi",
    "%%graphbit prompt x\n{{ broken }",
    "%%graphbit prompt x",
    "%graphbit run nowhere",
]


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_stops_nbclient(slip):
    with pytest.raises(CellExecutionError):
        execute(SCRIPT, "%%graphbit prompt first\nx", slip, "print('never')")


def test_each_slip_fails_nbval(tmp_path):
    path = tmp_path / "slips.ipynb"
    nbformat.write(notebook(SCRIPT, "%%graphbit prompt first\nx", *SLIPS), path)
    command = [sys.executable, "-m", "pytest", "-p", "nbval", "--nbval-lax", "-c", "/dev/null", str(path), "-q"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False, cwd=tmp_path)
    assert f"{len(SLIPS)} failed, 2 passed" in done.stdout, done.stdout[-2000:]
