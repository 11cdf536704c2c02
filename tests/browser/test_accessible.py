"""axe-core finds no serious fault in anything that a notebook shows of us, in the light and in the dark."""

from importlib.resources import files
from importlib.util import find_spec

import pytest
from frontkit import Front, Tale, live, workflow_of

import graphbit_nb as gb
from graphbit_nb.core.events import ErrorInfo
from graphbit_nb.core.llm import Message, Usage
from graphbit_nb.core.states import RunStatus
from graphbit_nb.notebook.runviews import result_bundle, running_bundle
from graphbit_nb.notebook.views import workflow_bundle

SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])
WORKFLOW = workflow_of(
    gb.Node.prompt("clean", "Clean {{ reviews }}", output="json"),
    gb.Node.prompt("classify", "Mood of {{ item }}", for_each="item in clean"),
    gb.Node.prompt("causes", "Why: {{ clean }}"),
    gb.Node.prompt("summary", "{{ clean }}"),
    gb.Node.python("count", lambda classify: 1 + len(classify)),
    gb.Node.condition("route", "{% if count > 2 %}long{% else %}short{% endif %}"),
    gb.Node.prompt("report", "{{ summary }}", when="route=long"),
    gb.Node.human("approve", "Publish {{ summary }}?", output="yes|no"),
    gb.Node.human("tone", "How shall {{ clean }} sound?"),
)
RECORDS = [{"review": "Sync stopped.", "mood": -2}, {"review": "Search is good.", "mood": 2, "more": [1, {"a": None}]}]
REFUSED = ErrorInfo("RateLimitError", "acme answered 429", attempts=2, status=429, retry_after=8.0, provider="acme")


@pytest.fixture(scope="module")
def axe():
    if find_spec("axe_playwright_python") is None:
        pytest.fail("axe-playwright-python is not installed: pip install -e '.[test]'")
    return (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")


@pytest.fixture
def page(lab_page):
    return lab_page.page


def faults(page, axe, inside):
    """What axe calls serious or critical, each with the elements that it is about."""
    page.evaluate(axe + "; void 0")
    found = page.evaluate(
        """async (inside) => (await axe.run(inside, { resultTypes: ["violations"] })).violations
            .filter((one) => ["serious", "critical"].includes(one.impact))
            .map((one) => [one.id, one.nodes.map((node) => `${node.html.slice(0, 160)}: ${node.failureSummary}`)])""",
        inside,
    )
    return dict(found)


def middle():
    """A run in which everything is to be seen that a run can show."""
    usage = Usage(input_tokens=900, output_tokens=120, cached_tokens=300, reasoning_tokens=40, calls=1)
    tale = Tale(WORKFLOW, reviews="Sync stopped after 8.2.")
    tale("NodeStarted", "clean")
    turns = (Message("system", "Be brief."), Message("user", "Clean Sync stopped."))
    tale("PromptRendered", "clean", messages=turns, origins=((), ((6, 19, "reviews"),)))
    tale("LlmRequested", "clean", provider="acme", model="m", parameters={"temperature": 0.2})
    told = {"text": "[]", "usage": usage, "model": "m", "request_id": "r1", "cost": 0.004}
    tale("LlmResponded", "clean", finish_reason="stop", first_token=0.6, latency=2.0, **told)
    tale("NodeSucceeded", "clean", output=RECORDS)
    tale("NodeStarted", "classify")("NodeExpanded", "classify", what="items", parts=("classify[0]", "classify[1]"))
    tale.done("classify[0]")("NodeStarted", "classify[1]")
    tale("NodeStarted", "causes")("LlmRequested", "causes", provider="acme", model="m", parameters={})
    tale("RetryScheduled", "causes", attempt=1, delay=8.0, error=REFUSED)
    tale("NodeStarted", "summary")("LlmRequested", "summary", provider="acme", model="m", parameters={})
    tale("LlmToken", "summary", text="Most of them mention sync, up from nine.")
    tale("NodeWaiting", "approve", question="Publish?", options=("yes", "no"))
    tale("NodeWaiting", "tone", question="How shall it sound?", options=())
    return tale


def ended():
    tale = middle()
    tale("NodeFailed", "causes", error=REFUSED)("NodeSucceeded", "summary", output="Most mention *sync*.")
    tale("NodeSucceeded", "classify[1]", output="bad")("NodeSucceeded", "classify", output=["good", "bad"])
    tale("NodeStarted", "count")("NodePrinted", "count", text="two\n")("NodeSucceeded", "count", output=2)
    tale("NodeStarted", "route")("NodeSucceeded", "route", output="short")
    tale("NodeSkipped", "report", reason="route is not long")
    for name in ("approve", "tone"):
        tale("NodeSucceeded", name, output="yes")
    return tale("RunFinished", status=RunStatus.FAILED, reason=None)


def test_what_is_wrong_would_be_found(page, axe):
    Front(page, live(WORKFLOW))
    page.evaluate("() => document.querySelector('.gb-tools button').removeAttribute('aria-label')")
    page.evaluate("() => document.querySelector('.gb-tools button').removeAttribute('title')")
    assert set(faults(page, axe, ".gb-live")) == {"button-name"}


@SCHEMES
def test_a_workflow_that_has_not_run(page, axe, scheme):
    notes = (("", "tone is new"), ("failed", "it could not begin"))
    front = Front(page, live(WORKFLOW, actions=("run", "step"), notes=notes, new="tone"), scheme=scheme)
    assert faults(page, axe, ".gb-live") == {}
    front.view.get_by_role("button", name="find a node").click()
    page.keyboard.type("c")
    assert faults(page, axe, ".gb-live") == {}


@SCHEMES
def test_a_run_that_goes_on(page, axe, scheme):
    front = Front(page, live(WORKFLOW, middle(), actions=("cancel", "answer"), slots=3), scheme=scheme)
    front.view.get_by_text("Publish?").first.wait_for()
    assert faults(page, axe, ".gb-live") == {}


@SCHEMES
def test_every_tab_of_the_inspector(page, axe, scheme):
    front = Front(page, live(WORKFLOW, ended(), actions=("run", "step"), stale=frozenset({"count"})), scheme=scheme)
    seen = {}
    for name in ("clean", "causes", "classify"):
        front.card(name).click()
        front.view.locator(".gb-insp .gb-title", has_text=name).wait_for()
        for tab in front.view.get_by_role("tab").locator("visible=true").all():
            tab.click()
            front.frame()
            page.evaluate(
                "() => document.querySelectorAll('.gb-body-pane details').forEach((one) => { one.open = true; })"
            )
            front.frame()
            if found := faults(page, axe, ".gb-insp"):
                seen[name, tab.inner_text()] = found
    assert seen == {}


@SCHEMES
def test_what_stands_there_without_scripts(page, axe, scheme):
    """The final form, the picture of a run that goes on, and a drawing: as HTML alone."""
    script = gb.LlmConfig.scripted({"clean": '[{"a": 1}]', "causes": REFUSED_NOW, "*": "an answer"})
    result = gb.WorkflowExecutor(script, retry=gb.RetryPolicy(max_attempts=1), storage="memory").execute(
        WORKFLOW, {"reviews": "x"}
    )
    bundles = (result_bundle(result, ["a note"]), running_bundle(WORKFLOW, middle().snapshot, 3.0, ["a note"]))
    page.emulate_media(color_scheme=scheme)
    back = "#fff" if scheme == "light" else "#111"
    shown = "".join(bundle["text/html"] for bundle in (*bundles, workflow_bundle(WORKFLOW))).partition("<script>")
    page.set_content(
        f'<!doctype html><html lang="en"><title>t</title><body style="background:{back};color-scheme:{scheme}">'
        f"<main>{shown[0]}{shown[2].partition('</script>')[2]}</main>"
    )
    page.evaluate("() => document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert page.locator(".gb-stage img").count() == 3
    assert faults(page, axe, "main") == {}


REFUSED_NOW = gb.BadRequestError("acme answered 400: no such field", provider="acme", status=400)
