"""The live view in a real JupyterLab: it grows, lights up, answers, cancels, and outlives its kernel."""

import pytest
from labkit import DARK, LIGHT

SETUP = """
%load_ext graphbit_nb
import asyncio
import graphbit_nb as gb

async def slowly(request):
    await asyncio.sleep(0.9)
    return f"the answer of {request.node}"

async def forever(request):
    await asyncio.Event().wait()

script = gb.LlmConfig.scripted({"outline": '["sea", "salt"]', "stuck": forever, "quick": "at once", "*": slowly})
%graphbit config --config script
"""
OUTLINE = "%%graphbit prompt outline --output list[text]\nTwo points about {{ topic }}."
EACH = "%%graphbit prompt each --for-each 'p in outline'\nOn {{ p }}."
DRAFT = "%%graphbit prompt draft\nPut together: {{ each }}"
STUCK = "%%graphbit prompt stuck\nAfter {{ quick }}."
QUICK = "%%graphbit prompt quick\nSay it."
HUMAN = "%%graphbit human approve --output 'yes|no'\nIs this fine: {{ quick }}?"


def live(lab, index):
    return lab.output(index).locator(".gb-live")


def card(view, name):
    return view.locator(f'g.gb-node[data-id="{name}"]')


def state(view, name, wanted, timeout=10):
    view.locator(f'g.gb-node[data-id="{name}"][data-state="{wanted}"]').wait_for(timeout=timeout * 1000)


def define(lab, count):
    for index in range(count):
        lab.run_cell(index)


def test_the_drawing_grows_with_the_cells(warm_notebook):
    lab = warm_notebook([SETUP, OUTLINE, "%graphbit show"])
    define(lab, 3)
    view = live(lab, 2)
    card(view, "outline").wait_for()
    cells = [EACH, DRAFT, "%%graphbit prompt title\n{{ draft }}", "%%graphbit python words\nreturn len(draft)"]
    for count, cell in enumerate([*cells, "%%graphbit prompt last\n{{ title }} {{ words }}"], start=3):
        lab.run(cell)
        lab.page.wait_for_function(
            "([i, n]) => document.querySelectorAll('.jp-Cell')[i].querySelectorAll('g.gb-node').length === n",
            arg=[2, count],
        )
    lab.run("%graphbit rm last")
    card(view, "last").wait_for(state="detached")
    lab.screenshot("growing", lab.cell(2))
    assert lab.errors == []


def test_states_and_counts_change_while_the_cell_runs(warm_notebook):
    lab = warm_notebook([SETUP, OUTLINE, EACH, DRAFT, "r = %graphbit run --set topic=x --max-concurrency 1"])
    define(lab, 4)
    lab.start_cell(4)
    view = live(lab, 4)
    state(view, "each", "running")
    view.locator(".gb-meta", has_text="1/2").wait_for()
    state(view, "draft", "running")
    assert lab.is_running(4)
    lab.wait_cell(4)
    state(live(lab, 4), "draft", "succeeded")
    assert lab.errors == []


def test_cancel_stops_the_run_while_the_cell_blocks(warm_notebook):
    lab = warm_notebook([SETUP, QUICK, STUCK, "%graphbit run"])
    define(lab, 3)
    lab.start_cell(3)
    view = live(lab, 3)
    state(view, "stuck", "running")
    view.get_by_role("button", name="Cancel").first.click()
    lab.wait_cell(3, timeout=10)
    assert "RunCancelled: cancelled: 1 of 2 nodes had finished" in lab.text(3)
    state(live(lab, 3), "stuck", "cancelled")


def test_cancel_is_heard_where_the_run_cannot_be_awaited(warm_notebook):
    lab = warm_notebook([SETUP, QUICK, STUCK, "%%time\n%graphbit run"])
    define(lab, 3)
    lab.start_cell(3)
    view = live(lab, 3)
    state(view, "stuck", "running")
    view.get_by_role("button", name="Cancel").first.click()
    lab.wait_cell(3, timeout=10)
    assert "RunCancelled: cancelled: 1 of 2 nodes had finished" in lab.text(3)


def test_a_background_run_is_cancelled_while_another_cell_blocks(warm_notebook):
    block = "import time\nfor _ in range(300):\n    time.sleep(0.1)"
    lab = warm_notebook([SETUP, QUICK, STUCK, "h = %graphbit run --background", block])
    define(lab, 4)
    view = live(lab, 3)
    state(view, "stuck", "running")
    lab.start_cell(4)
    view.get_by_role("button", name="Cancel").first.click()
    state(live(lab, 3), "stuck", "cancelled")
    assert lab.is_running(4)
    lab.interrupt()
    lab.wait_cell(4)


def test_one_node_is_cancelled_and_the_others_go_on(warm_notebook):
    slow = "%%graphbit prompt slow\nAfter {{ quick }} as well."
    lab = warm_notebook([SETUP, QUICK, STUCK, slow, "%graphbit run"])
    define(lab, 4)
    lab.start_cell(4)
    view = live(lab, 4)
    state(view, "stuck", "running")
    view.get_by_role("button", name="cancel stuck").click()
    lab.wait_cell(4, timeout=10)
    assert "RunCancelled: cancelled: 2 of 3 nodes had finished" in lab.text(4)


def test_a_click_on_a_node_opens_everything_about_it(warm_notebook):
    lab = warm_notebook([SETUP, OUTLINE, EACH, "%graphbit show", "r = %graphbit run --set topic='the sea'"])
    define(lab, 5)
    view = live(lab, 3)
    state(view, "each", "succeeded")
    card(view, "outline").click()
    inspector = view.locator(".gb-insp")
    inspector.get_by_role("tab", name="Prompt").click()
    inspector.get_by_text("Two points about").wait_for()
    inspector.get_by_role("tab", name="Answer").click()
    inspector.get_by_text("salt").locator("visible=true").first.wait_for()
    inspector.get_by_role("tab", name="Cell").click()
    inspector.get_by_text("%%graphbit prompt outline").wait_for()
    card(view, "each").click()
    inspector.get_by_role("tab", name="Answer").click()
    inspector.get_by_text("each[1]").locator("visible=true").first.wait_for()
    lab.page.keyboard.press("Escape")
    inspector.wait_for(state="hidden")
    assert lab.errors == []


def test_a_person_answers_in_the_view_and_the_run_goes_on(warm_notebook):
    after = "%%graphbit prompt after\nIt was {{ approve }}."
    lab = warm_notebook([SETUP, QUICK, HUMAN, after, "r = %graphbit run"])
    define(lab, 5)
    view = live(lab, 4)
    state(view, "approve", "waiting")
    view.get_by_role("button", name="yes", exact=True).click()
    state(live(lab, 4), "after", "succeeded")
    lab.output(4).locator("details").first.wait_for()
    assert lab.run("print(gb.last.outputs['approve'])")[0]["text"] == "yes\n"


def test_a_run_goes_on_beside_other_cells(warm_notebook):
    lab = warm_notebook(
        [SETUP, OUTLINE, EACH, DRAFT, "h = %graphbit run --background --set topic=x", "print('meanwhile')"]
    )
    define(lab, 4)
    lab.run_cell(4)
    lab.run_cell(5)
    assert lab.text(5) == "meanwhile\n"
    state(live(lab, 4), "draft", "succeeded")
    lab.output(4).locator("details").first.wait_for()
    assert lab.run("print((await h).status)")[0]["text"] == "succeeded\n"


def test_a_background_run_is_cancelled_by_its_button(warm_notebook):
    lab = warm_notebook([SETUP, QUICK, STUCK, "h = %graphbit run --background"])
    define(lab, 4)
    view = live(lab, 3)
    state(view, "stuck", "running")
    view.get_by_role("button", name="Cancel").first.click()
    state(live(lab, 3), "stuck", "cancelled")
    assert lab.run("print((await h).status)")[0]["text"] == "cancelled\n"


def test_the_standing_view_runs_steps_and_runs_again_from_a_node(warm_notebook):
    lab = warm_notebook([SETUP, QUICK, "%%graphbit prompt more\n{{ quick }}", "%graphbit show"])
    define(lab, 4)
    view = live(lab, 3)
    view.get_by_role("button", name="Step").click()
    state(view, "quick", "succeeded")
    assert card(view, "more").get_attribute("data-state") == "pending"
    view.get_by_role("button", name="Step").click()
    state(view, "more", "succeeded")
    assert card(view, "quick").get_attribute("data-state") == "cached"
    card(view, "more").click()
    view.get_by_text("Run from here").click()
    state(view, "more", "running")
    state(view, "more", "succeeded")


def test_what_an_edited_cell_makes_old_is_marked(warm_notebook):
    lab = warm_notebook([SETUP, QUICK, "%%graphbit prompt more\n{{ quick }}", "%graphbit show", "r = %graphbit run"])
    define(lab, 5)
    view = live(lab, 3)
    state(view, "more", "succeeded")
    lab.set_source(1, QUICK + " Again.")
    lab.run_cell(1)
    view.locator('g.gb-node[data-id="more"][data-stale]').wait_for()


def test_after_the_kernel_is_gone_the_last_state_is_still_there(notebook):
    lab = notebook([SETUP, OUTLINE, EACH, "r = %graphbit run --set topic=x"])
    define(lab, 4)
    lab.save()
    lab.restart()
    state(live(lab, 3), "each", "succeeded")
    lab.open()
    view = live(lab, 3)
    state(view, "each", "succeeded")
    card(view, "outline").click()
    view.locator(".gb-insp").get_by_text("salt").locator("visible=true").first.wait_for()
    lab.output(3).locator("details").first.wait_for()
    assert lab.errors == []


def test_texts_of_a_model_are_never_markup(warm_notebook):
    evil = 'evil = gb.LlmConfig.scripted({"*": "<img src=x onerror=alert(1)></script><script>alert(2)</script>"})'
    lab = warm_notebook([SETUP, evil, "%graphbit config --config evil", "%%graphbit prompt bad\n<b>{{ word }}</b>"])
    define(lab, 4)
    lab.run("%graphbit show")
    lab.run("word = '<i onclick=alert(3)>'")
    lab.run("r = %graphbit run")
    view = live(lab, 6)
    card(view, "bad").click()
    for tab in ("Prompt", "Answer", "Attempts", "Context"):
        view.get_by_role("tab", name=tab).click()
        lab.page.wait_for_timeout(50)
    assert lab.page.locator(".jp-OutputArea-output :is(img[onerror], i[onclick])").count() == 0
    assert lab.errors == []


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_it_is_readable_in_both_themes(warm_notebook, theme):
    lab = warm_notebook([SETUP, OUTLINE, EACH, DRAFT, "%graphbit show", "r = %graphbit run --set topic='the sea'"])
    lab.theme(theme)
    define(lab, 6)
    view = live(lab, 4)
    state(view, "draft", "succeeded")
    card(view, "outline").click()
    view.locator(".gb-insp").get_by_role("tab", name="Prompt").click()
    view.locator(".gb-insp").get_by_text("Two points about").wait_for()
    lab.screenshot(f"inspector-{'dark' if theme == DARK else 'light'}", lab.cell(4))
    colours = view.evaluate("(el) => { const s = getComputedStyle(el); return [s.color, s.backgroundColor]; }")
    assert colours[0] != colours[1]


def test_a_person_answers_after_the_page_was_loaded_again(notebook):
    after = "%%graphbit prompt after\nIt was {{ approve }}."
    lab = notebook([SETUP, QUICK, HUMAN, after, "r = %graphbit run"])
    define(lab, 5)
    live(lab, 4).get_by_role("button", name="yes", exact=True).wait_for()
    assert "widget-view" not in str(lab.outputs(4))  # what is saved needs no kernel
    lab.save()
    lab.page.wait_for_function("() => !panel.context.model.dirty")
    lab.open()
    view = live(lab, 4)
    view.get_by_role("button", name="yes", exact=True).click()
    state(view, "after", "succeeded")
    assert lab.run("print(gb.last.outputs['approve'])")[0]["text"] == "yes\n"
