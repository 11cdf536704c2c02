"""What a person does in a live view, and what must not happen to them: without Jupyter, so that it is quick."""

import pytest
from frontkit import Front, Tale, chain, live, plain, wide, workflow_of

import graphbit_nb as gb
from graphbit_nb.notebook.runviews import result_bundle

ASKS = workflow_of(
    gb.Node.prompt("draft", "Write."),
    gb.Node.human("tone", "How shall {{ draft }} sound?"),
    gb.Node.prompt("after", "x"),
)
RUNNING = ("cancel", "answer")


@pytest.fixture
def page(lab_page):
    lab_page.page.set_default_timeout(8_000)
    return lab_page.page


def test_what_a_person_types_survives_what_the_run_tells(page):
    tale = Tale(ASKS).done("draft")("NodeWaiting", "tone", question="How?", options=())
    front = Front(page, live(ASKS, tale, actions=RUNNING))
    field = front.view.locator(".gb-asking textarea, .gb-answer textarea").first
    field.click()
    page.keyboard.type("half an answer")
    page.evaluate("() => document.activeElement.setSelectionRange(2, 5)")
    tale("NodeStarted", "after")
    assert "rows" in front.tell()
    tale("NodeSucceeded", "after", output="x")
    front.tell()
    shown = "() => { const el = document.activeElement; return [el.value, el.selectionStart, el.selectionEnd]; }"
    assert page.evaluate(shown) == ["half an answer", 2, 5]


def test_pictures_that_come_faster_than_they_move_end_with_the_last(page):
    state = live(chain(2))
    front = Front(page, state)
    for count in range(3, 9):
        state.subject.workflow = chain(count)
        delta = state.changes(0.0)
        page.evaluate("(delta) => model.tell(delta)", delta)
    page.wait_for_function("() => document.querySelectorAll('g.gb-node').length === 7 + 1")
    page.wait_for_function("() => !document.querySelector('[data-moving]')")
    assert front.view.locator("g.gb-edge").count() == 7


CHANGES = """() => {
    window.changed = 0;
    const seen = new MutationObserver((all) => (changed += all.length));
    seen.observe(document.querySelector(".gb-svg"), { childList: true, subtree: true, attributes: true });
}"""


def states_of(front):
    front.frame()
    found = "(cards) => Object.fromEntries(cards.map((card) => [card.dataset.id, card.dataset.state]))"
    return front.view.locator("g.gb-node").evaluate_all(found)


def test_a_whole_state_is_drawn_anew_when_something_was_lost_on_the_way(page):
    tale = Tale(chain(3))
    front = Front(page, live(chain(3), tale))
    front.whole()
    tale.done("n0")
    front.live.changes(front.now)  # told, and lost
    tale.done("n1")
    front.tell()
    assert states_of(front) == {"n0": "pending", "n1": "succeeded", "n2": "pending"}
    front.whole()
    assert states_of(front) == {"n0": "succeeded", "n1": "succeeded", "n2": "pending"}


@pytest.mark.parametrize("count", [3, 90])
def test_a_whole_state_is_not_drawn_again_when_nothing_was_lost(page, count):
    tale = Tale(chain(count))
    front = Front(page, live(chain(count), tale))
    front.whole()
    tale.done("n0", "n1")
    front.tell()
    page.evaluate(CHANGES)
    front.whole()
    front.frame()
    assert page.evaluate("() => changed") == 0
    tale.done("n2")
    front.tell()
    found = states_of(front)
    assert [found[name] for name in ("n0", "n1", "n2")] == ["succeeded"] * 3


def test_a_view_that_is_closed_leaves_nothing_behind(page):
    front = Front(page, live(ASKS, Tale(ASKS).done("draft")))
    front.card("draft").click()
    page.evaluate("() => { for (const off of offs) off(); }")
    assert page.evaluate("() => model.listeners()") == 0
    assert page.locator(".gb-live").count() == 0
    count = page.evaluate("() => model.sent.length")
    page.evaluate("(delta) => model.tell(delta)", {"kind": "delta", "seq": 99, "nodes": {}})
    front.frame()
    assert page.evaluate("() => model.sent.length") == count


def test_escape_closes_the_inspector_and_gives_the_focus_back_to_its_card(page):
    front = Front(page, live(ASKS, Tale(ASKS).done("draft")))
    front.card("draft").focus()
    page.keyboard.press("Enter")
    tab = front.view.get_by_role("tab", selected=True)
    tab.wait_for()
    tab.focus()
    page.keyboard.press("Escape")
    front.view.locator(".gb-side").wait_for(state="hidden")
    assert front.focused() == "draft"


def test_the_keys_alone_lead_through_the_view(page):
    front = Front(page, live(chain(4), Tale(chain(4)).done("n0", "n1", "n2", "n3")))
    for _ in range(20):
        page.keyboard.press("Tab")
        if front.focused() is not None:
            break
    assert front.focused() == "n0"
    along = "ArrowRight" if front.live.whole(0.0)["picture"]["rankdir"] == "LR" else "ArrowDown"
    page.keyboard.press(along)
    page.keyboard.press(along)
    assert front.focused() == "n2"
    page.keyboard.press("End")
    assert front.focused() == "n3"
    page.keyboard.press("Home")
    assert front.focused() == "n0"
    page.keyboard.press("Enter")
    front.view.locator(".gb-insp").get_by_text("an answer").locator("visible=true").first.wait_for()
    page.keyboard.press("Escape")
    front.view.locator(".gb-side").wait_for(state="hidden")
    assert front.focused() == "n0"


def test_opening_the_inspector_does_not_ask_for_another_layout(page):
    front = Front(page, live(ASKS, Tale(ASKS).done("draft")), width=1180)
    page.wait_for_function("() => model.sent.some((one) => one.call === 'width')")
    told = len(front.sent("width"))
    front.card("draft").click()
    front.view.get_by_role("tab").first.wait_for()
    page.wait_for_timeout(400)  # a width is told after 150 ms of rest
    assert len(front.sent("width")) == told


def test_two_views_of_other_widths_do_not_fight_over_one_layout(page):
    front = Front(page, live(ASKS), width=1180)
    page.wait_for_function("() => model.sent.filter((one) => one.call === 'width').length === 1")
    front.open(width=500)
    page.wait_for_function("() => document.querySelectorAll('.gb-live').length === 2")
    page.wait_for_timeout(400)
    widths = [one["px"] for one in front.sent("width")]
    assert set(widths) == {widths[0]}  # the widest one's
    for _ in range(3):  # what the kernel makes of the widths changes neither
        front.hear(front.sent("width")[-1])
        front.tell()
        page.wait_for_timeout(200)
    assert [one["px"] for one in front.sent("width")] == widths


@pytest.mark.parametrize("workflow", [wide(60), chain(60)], ids=["wide", "long"])
def test_a_drawing_that_is_larger_than_its_stage_is_seen_from_its_beginning(page, workflow):
    front = Front(page, live(workflow), width=900)
    page.wait_for_timeout(100)
    stage, first = front.view.locator(".gb-dag").bounding_box(), front.card("n0").bounding_box()
    assert stage["x"] <= first["x"]
    assert first["x"] + first["width"] <= stage["x"] + stage["width"]
    assert stage["y"] <= first["y"]
    assert first["y"] + first["height"] <= stage["y"] + stage["height"]


def test_the_toolbar_can_be_used_in_a_narrow_view(page):
    front = Front(page, live(chain(12)), width=420)
    stage = front.view.locator(".gb-dag").bounding_box()
    buttons = front.view.locator(".gb-tools button")
    assert buttons.count() == 6
    for button in buttons.all():
        box = button.bounding_box()
        assert box["width"] >= 24
        assert box["height"] >= 24
        assert stage["x"] <= box["x"]
        assert box["x"] + box["width"] <= stage["x"] + stage["width"]
        button.click(trial=True)  # nothing lies over it


def test_a_saved_run_has_no_buttons_that_need_a_kernel(page):
    front = Front(page, live(ASKS, Tale(ASKS).done("draft")("NodeWaiting", "tone", question="How?"), actions=RUNNING))
    page.evaluate("() => { for (const off of offs) off(); }")
    page.evaluate("() => front.mount(document.querySelector('#place'), { state: model.get(), nodes: model.records })")
    front.card("draft").click()
    front.view.locator(".gb-insp").get_by_text("an answer").locator("visible=true").first.wait_for()
    assert front.view.get_by_role("button", name="Cancel").count() == 0
    assert front.view.locator("textarea, input[type=text]").locator("visible=true").count() == 0


def test_a_saved_run_that_waits_is_answered_there_as_long_as_its_kernel_is_there(page):
    """First alone, as after the notebook was opened again; then its model comes, as after a reload of the page."""
    executor = gb.WorkflowExecutor(gb.LlmConfig.scripted({"*": "an answer"}), storage="memory")
    result = executor.execute(ASKS)
    assert result.status == "waiting"
    front = Front(page, live(ASKS, actions=RUNNING))
    page.evaluate("() => { for (const off of offs) off(); }")
    front.live.subject.snapshot = result.snapshot
    page.evaluate("(state) => model.set('state', state)", plain(front.live.whole(0.0)))
    saved = result_bundle(result, live="the key")["text/html"]
    page.evaluate(
        """(html) => document.querySelector("#place").append(document.createRange().createContextualFragment(html))""",
        saved,
    )
    front.card("tone").wait_for()
    assert front.view.locator(".gb-answer textarea").count() == 0
    page.evaluate(
        """() => {
            const get = model.get;
            model.get = (name) => (name === "key" ? "the key" : get(name));
            front.default.initialize({ model });
        }"""
    )
    front.view.locator(".gb-answer textarea").first.fill("kind")
    page.keyboard.press("Control+Enter")
    assert front.sent("answer") == [{"call": "answer", "path": "tone", "value": "kind"}]
