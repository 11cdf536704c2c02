"""In a real kernel: interrupts, what nodes print, Tab."""

import pytest
from kernels import LIMIT, SCRIPT, errors, interrupt_when


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
