"""What is saved in a notebook, wherever it is opened: shown as text and picture, and never run."""

import nbformat
import pytest
from frontkit import Front, live
from hostile import SPOKEN, run
from labkit import Notebook
from nbconvert import HTMLExporter

from graphbit_nb.notebook.runviews import result_bundle

OFF = dict.fromkeys(("mathjax_url", "require_js_url", "jquery_url", "html_manager_semver_range"), "")
# A notebook that was saved with the state of its widgets; one of them is not ours.
STATE = {
    "application/vnd.jupyter.widget-state+json": {
        "version_major": 2,
        "version_minor": 0,
        "state": {"a": {"model_name": "LayoutModel", "model_module": "@jupyter-widgets/base", "state": {}}},
    }
}


@pytest.fixture
def page(lab_page):
    lab_page.page.on("dialog", lambda dialog: pytest.fail(f"a dialog: {dialog.message}"))
    lab_page.page.set_default_timeout(10_000)
    return lab_page.page


def document(bundle, metadata=None):
    output = nbformat.v4.new_output("display_data", data=bundle)
    cell = nbformat.v4.new_code_cell("r = %graphbit run", outputs=[output])
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return nbformat.v4.new_notebook(cells=[cell], metadata=kernel | (metadata or {}))


def nothing_ran(page):
    assert page.evaluate("() => window.hacked") is None
    assert (
        page.locator(":is([onerror], [onload], a[href^='javascript:'], img[src^='http'], .gb-live script)").count() == 0
    )
    signs = "[\\u202a-\\u202e\\u2066-\\u2069\\u200b\\ufeff\\x1b\\x07]"
    assert not page.evaluate(f"() => /{signs}/.test(document.querySelector('.gb, .gb-alive, .gb-live').textContent)")


def walk(view):
    """Open all there is of every node, and return the texts that were seen."""
    seen = []
    for card in view.locator("g.gb-node[role=button]:not([data-kind=input])").all():
        card.dispatch_event("click")
        view.locator(".gb-insp [role=tab]").first.wait_for()
        view.page.wait_for_timeout(40)
        for tab in view.locator(".gb-insp [role=tab]").locator("visible=true").all():
            tab.click()
            view.evaluate("(el) => el.querySelectorAll('.gb-body-pane details').forEach((one) => { one.open = true; })")
            for mode in view.locator(".gb-body-pane [data-mode]").all():
                mode.click()
            view.page.wait_for_timeout(20)
            seen.append(view.locator(".gb-body-pane").text_content())
    return "\n".join(seen)


def test_a_live_view_shows_attacks_as_text(page):
    result = run()
    state = live(result.workflow)
    state.subject.snapshot = result.snapshot
    state.subject.notes = (("failed", SPOKEN),)
    state.subject.actions = ("cancel", "answer")
    front = Front(page, state)
    assert walk(front.view).count(SPOKEN) > 20
    assert "<img src=x" in front.view.locator("table").first.text_content()  # the hidden one, by its caption
    nothing_ran(page)


def test_the_final_form_shows_attacks_as_text_with_scripts_and_without(page, chromium):
    content = f"<!doctype html><main>{result_bundle(run(), [SPOKEN])['text/html']}</main>"
    page.set_content(content)
    view = page.locator(".gb-live")
    view.wait_for()
    assert walk(view).count(SPOKEN) > 20
    assert SPOKEN in page.locator("details").first.text_content()
    nothing_ran(page)
    context = chromium.new_context(java_script_enabled=False, offline=True)
    bare = context.new_page()
    bare.set_content(content)
    assert bare.locator(".gb-stage img").bounding_box()["height"] > 50
    assert SPOKEN in bare.locator("details").first.text_content()
    context.close()


@pytest.mark.parametrize(
    ("template", "metadata"), [("lab", None), ("lab", {"widgets": STATE}), ("classic", {"widgets": STATE})]
)
def test_a_page_of_nbconvert_shows_the_run_and_runs_nothing_of_it(page, template, metadata):
    exporter = HTMLExporter(template_name=template, **{key: "" for key in OFF if key != "html_manager_semver_range"})
    written, _ = exporter.from_notebook_node(document(result_bundle(run()), metadata))
    page.set_content(written.replace("https://unpkg.com/", "data:,").replace("https://cdn", "data:,"))
    view = page.locator(".gb-live")
    view.wait_for()
    view.locator('g.gb-node[data-id="answer"]').dispatch_event("click")
    view.locator(".gb-insp").get_by_text(SPOKEN).locator("visible=true").first.wait_for()
    nothing_ran(page)


def test_an_untrusted_notebook_shows_picture_and_answers(lab_server, lab_page):
    lab = Notebook(lab_page, lab_server, [])
    (lab_server.root / lab.name).write_text(nbformat.writes(document(result_bundle(run()))))
    lab.open()
    assert not lab.page.evaluate("() => panel.content.widgets[0].model.trusted")
    picture = lab.output(0).locator(".gb-stage img")
    picture.wait_for()
    assert picture.evaluate("(img) => img.complete && img.naturalWidth > 100 && img.naturalHeight > 50")
    assert lab.output(0).locator(".gb-live").count() == 0
    lab.output(0).locator("summary").first.click()
    lab.output(0).get_by_text(SPOKEN).locator("visible=true").first.wait_for()
    lab.screenshot("untrusted", lab.cell(0))
    assert lab.page.evaluate("() => window.hacked") is None
    lab.close()
