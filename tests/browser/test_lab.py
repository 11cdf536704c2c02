"""The kit itself: JupyterLab starts, cells run in this environment's kernel, and looks can be kept."""

from pathlib import Path

import pytest
from labkit import DARK, LIGHT

COUNTER = '''
import anywidget, traitlets

class Counter(anywidget.AnyWidget):
    _esm = """
    export default {
        render({ model, el }) {
            const button = document.createElement("button");
            const draw = () => { button.textContent = `clicked ${model.get("clicks")}`; };
            button.onclick = () => { model.set("clicks", model.get("clicks") + 1); model.save_changes(); };
            model.on("change:clicks", draw);
            draw();
            el.append(button);
        },
    };
    """
    clicks = traitlets.Int(0).tag(sync=True)

counter = Counter()
counter
'''


def test_cells_run_in_a_kernel_that_has_this_package(notebook):
    lab = notebook(["import graphbit_nb", "print(graphbit_nb.__file__)"])
    lab.run_cell(0)
    lab.run_cell(1)
    assert Path(lab.text(1).strip()).parents[1] == Path(__file__).parents[2]


def test_a_click_in_a_widget_reaches_the_kernel(notebook):
    lab = notebook([COUNTER, "counter.clicks"])
    lab.run_cell(0)
    lab.output(0).get_by_role("button", name="clicked 0").click()
    lab.output(0).get_by_role("button", name="clicked 1").wait_for()
    lab.run_cell(1)
    assert lab.text(1) == "1"
    assert lab.errors == []


def test_a_cell_that_raises_fails_the_test_that_ran_it(warm_notebook):
    lab = warm_notebook(["1 / 0"])
    with pytest.raises(AssertionError, match="ZeroDivisionError: division by zero"):
        lab.run_cell(0)


def test_the_stop_button_interrupts_a_running_cell(warm_notebook):
    lab = warm_notebook(["import time\nprint('begun', flush=True)\ntime.sleep(60)"])
    lab.start_cell(0)
    lab.output(0).get_by_text("begun").wait_for()
    assert lab.is_running(0)
    lab.interrupt()
    lab.wait_cell(0, timeout=10)
    assert "KeyboardInterrupt" in lab.text(0)


def test_a_warm_notebook_has_a_fresh_kernel(warm_notebook):
    lab = warm_notebook(["left_over = 1"])
    lab.run_cell(0)
    lab.reset(["'left_over' in globals()"])
    lab.run_cell(0)
    assert lab.text(0) == "False"


def test_both_themes_can_be_photographed(warm_notebook):
    lab = warm_notebook(["print('a cell')"])
    lab.run_cell(0)
    pictures = {}
    for name, theme in {"lab-light": LIGHT, "lab-dark": DARK}.items():
        lab.theme(theme)
        pictures[theme] = lab.screenshot(name).read_bytes()
    assert pictures[LIGHT] != pictures[DARK]


def test_a_page_that_asks_another_machine_is_noticed(warm_notebook, warm_page):
    lab = warm_notebook(["from IPython.display import HTML\nHTML('<img src=\"https://cdn.example/x.png\">')"])
    with lab.page.expect_event("requestfailed"):
        lab.run_cell(0)
    assert set(warm_page.foreign) == {"https://cdn.example/x.png"}
    lab.reset([""])  # a page may ask again while the picture is on it
    warm_page.foreign.clear()
