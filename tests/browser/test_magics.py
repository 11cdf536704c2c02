"""Cells become a workflow, and it runs, in a real JupyterLab."""

import pytest
from labkit import DARK, LIGHT

SETUP = """
%load_ext graphbit_nb
import asyncio
import graphbit_nb as gb

async def slowly(request):
    await asyncio.sleep(0.8)
    return "done slowly"

async def forever(request):
    await asyncio.Event().wait()

evil = "<img src=x onerror=alert(1)>"
script = gb.LlmConfig.scripted({"quick": "done", "slow": slowly, "stuck": forever, "evil": evil})
%graphbit config --config script
"""
QUICK = "%%graphbit prompt quick\nSay {{ word }}."
SLOW = "%%graphbit prompt slow\nAfter {{ quick }}."


def card(lab, index):
    return lab.output(index).locator(".gb-shell").first


def test_each_defining_cell_draws_the_workflow_and_the_newest_drawing_is_the_only_one(warm_notebook):
    lab = warm_notebook([SETUP, QUICK, SLOW])
    lab.run_cell(0)
    lab.run_cell(1)
    card(lab, 1).locator("img").wait_for()
    lab.run_cell(2)
    card(lab, 2).locator("img").wait_for()
    lab.output(1).get_by_text("quick (prompt) · takes the input word").wait_for()
    assert card(lab, 1).count() == 0
    assert "slow (prompt) · reads quick" in card(lab, 2).inner_text()
    assert lab.errors == []


def test_a_run_shows_its_progress_while_the_cell_works_and_its_answers_at_the_end(warm_notebook):
    lab = warm_notebook([SETUP, QUICK, SLOW, "result = %graphbit run --set word=hello"])
    for index in range(3):
        lab.run_cell(index)
    lab.start_cell(3)
    card(lab, 3).get_by_text("1 of 2").wait_for()
    assert lab.is_running(3)
    lab.wait_cell(3)
    rows = card(lab, 3).locator("details")
    assert rows.count() == 2
    rows.nth(1).locator("summary").click()
    rows.nth(1).get_by_text("done slowly").last.wait_for()


def test_the_stop_button_cancels_the_run_and_the_error_is_one_line(warm_notebook):
    stuck = "%%graphbit prompt stuck\nAfter {{ quick }}."
    lab = warm_notebook([SETUP, QUICK, stuck, "%graphbit run --set word=x", "print(gb.last.outputs)"])
    for index in range(3):
        lab.run_cell(index)
    lab.start_cell(3)
    card(lab, 3).get_by_text("1 of 2").wait_for()
    lab.interrupt()
    lab.wait_cell(3, timeout=10)
    (error,) = (output for output in lab.outputs(3) if output["output_type"] == "error")
    assert error["ename"] == "RunCancelled"
    assert len(error["traceback"]) == 1
    lab.run_cell(4)
    assert lab.text(4) == "{'quick': 'done'}\n"


def test_the_final_form_is_there_when_the_notebook_is_opened_again(notebook):
    lab = notebook([SETUP, QUICK, "result = %graphbit run --set word=hello"])
    for index in range(3):
        lab.run_cell(index)
    lab.save()
    lab.restart()
    lab.open()
    card(lab, 2).locator("g.gb-node").first.wait_for()
    assert "succeeded" in card(lab, 2).inner_text()


def test_a_models_text_is_shown_as_text(warm_notebook):
    lab = warm_notebook([SETUP, "%%graphbit prompt evil\nx", "%graphbit run"])
    for index in range(3):
        lab.run_cell(index)
    card(lab, 2).locator("summary").first.click()
    card(lab, 2).get_by_text("<img src=x onerror=alert(1)>").last.wait_for()
    assert card(lab, 2).locator("img[src='x']").count() == 0
    assert lab.errors == []


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_drawing_and_answers_have_the_colours_of_the_theme(warm_notebook, theme):
    lab = warm_notebook([SETUP, QUICK, SLOW, "result = %graphbit run --set word=hello"])
    for index in range(4):
        lab.run_cell(index)
    lab.theme(theme)
    paper = card(lab, 3).evaluate("e => getComputedStyle(e.closest('.gb, .gb-alive, .gb-live')).backgroundColor")
    lightness = sum(int(part) for part in paper.strip("rgba()").split(",")[:3]) / 3
    assert (lightness > 200) == (theme == LIGHT)
    lab.screenshot(f"run-{theme.replace(' ', '-').lower()}")
