"""What is saved in a notebook, and what the tools that run notebooks make of it."""

import subprocess
import sys

import nbformat
import pytest
from kernels import LIMIT, SCRIPT, execute, notebook
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter


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
