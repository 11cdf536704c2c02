"""A drawing of hundreds of cards in a live view: what is out of sight costs nothing, and nobody notices."""

import pytest
from frontkit import Front, Tale, chain, live

COUNT = 300
LAST = f"n{COUNT - 1}"


@pytest.fixture
def page(lab_page):
    lab_page.page.set_default_timeout(8_000)
    return lab_page.page


def cards(front):
    return front.view.locator("g.gb-node").evaluate_all("(all) => all.map((card) => card.dataset.id)")


def in_sight(front, name):
    """Whether a card is on the page, and inside the stage."""
    return front.page.evaluate(
        """(name) => {
            const card = document.querySelector(`g.gb-node[data-id="${name}"]`);
            if (!card) return false;
            const stage = document.querySelector(".gb-live-svg").getBoundingClientRect();
            const { left, right, top, bottom } = card.getBoundingClientRect();
            return left >= stage.left && right <= stage.right && top >= stage.top && bottom <= stage.bottom;
        }""",
        name,
    )


def until_in_sight(front, name):
    front.page.wait_for_function("(name) => document.querySelector(`g.gb-node[data-id='${name}']`) !== null", arg=name)
    front.page.wait_for_timeout(400)  # the drawing glides
    assert in_sight(front, name)


def settled(front):
    """Wait until what is out of sight is taken off the page."""
    front.page.wait_for_timeout(700)


def test_only_what_is_in_sight_is_on_the_page(page):
    front = Front(page, live(chain(COUNT)))
    settled(front)
    shown = cards(front)
    assert "n0" in shown
    assert LAST not in shown
    assert len(shown) < COUNT / 2
    assert front.view.locator("g.gb-edge").count() < COUNT / 2


def test_the_keys_lead_to_what_was_out_of_sight_and_back(page):
    front = Front(page, live(chain(COUNT)))
    front.card("n0").focus()
    page.keyboard.press("End")
    until_in_sight(front, LAST)
    assert front.focused() == LAST
    settled(front)
    assert "n0" not in cards(front)
    page.keyboard.press("Home")
    until_in_sight(front, "n0")
    assert front.focused() == "n0"


def test_the_card_that_tab_reaches_stays_on_the_page(page):
    front = Front(page, live(chain(COUNT)))
    front.card("n0").focus()
    page.keyboard.press("End")
    page.keyboard.press("f")  # back to the beginning
    page.wait_for_timeout(400)
    settled(front)
    assert front.focused() == LAST
    assert not in_sight(front, LAST)


def test_what_changed_out_of_sight_is_right_when_it_comes(page):
    tale = Tale(chain(COUNT))
    front = Front(page, live(chain(COUNT), tale))
    settled(front)
    tale.done(*(f"n{i}" for i in range(COUNT - 1)))
    front.tell()
    tale("NodeStarted", LAST)
    front.tell()
    front.card("n0").focus()
    page.keyboard.press("End")
    until_in_sight(front, LAST)
    states = front.view.locator("g.gb-node").evaluate_all(
        "(all) => Object.fromEntries(all.map((card) => [card.dataset.id, card.dataset.state]))"
    )
    assert states.pop(LAST) == "running"
    assert set(states.values()) == {"succeeded"}


def test_what_a_new_drawing_changed_out_of_sight_is_right_when_it_comes(page):
    state = live(chain(COUNT), Tale(chain(COUNT)))
    front = Front(page, state)
    settled(front)
    state.subject.snapshot = Tale(chain(COUNT)).done(*(f"n{i}" for i in range(COUNT))).snapshot
    state.subject.workflow = chain(COUNT + 1)
    assert "picture" in front.tell()
    state.subject.workflow = chain(COUNT + 2)
    assert "picture" in front.tell()
    front.card("n0").focus()
    page.keyboard.press("End")
    until_in_sight(front, f"n{COUNT + 1}")
    assert front.card(LAST).get_attribute("data-state") == "succeeded"


def test_a_new_card_comes_into_sight(page):
    state = live(chain(COUNT))
    front = Front(page, state)
    settled(front)
    state.subject.workflow = chain(COUNT + 1)
    front.tell()
    until_in_sight(front, f"n{COUNT}")


def test_a_new_card_does_not_move_what_a_person_has_chosen_to_see(page):
    state = live(chain(COUNT))
    front = Front(page, state)
    front.view.get_by_role("button", name="larger").click()
    settled(front)
    before = cards(front)
    state.subject.workflow = chain(COUNT + 1)
    front.tell()
    settled(front)
    assert f"n{COUNT}" not in cards(front)
    assert set(before) & set(cards(front))


def test_all_of_it_can_be_seen_at_once(page):
    front = Front(page, live(chain(COUNT)))
    for _ in range(30):
        front.view.get_by_role("button", name="smaller").click()
    page.wait_for_function("(count) => document.querySelectorAll('g.gb-node').length === count", arg=COUNT)
    page.wait_for_timeout(400)
    assert in_sight(front, "n0")
    assert in_sight(front, LAST)


def test_a_drawing_that_becomes_small_is_all_there(page):
    state = live(chain(COUNT))
    front = Front(page, state)
    state.subject.workflow = chain(5)
    front.tell()
    page.wait_for_function("() => document.querySelectorAll('g.gb-node').length === 5")
    assert front.view.locator("g.gb-edge").count() == 4
    state.subject.workflow = chain(COUNT)
    front.tell()
    page.wait_for_function("() => document.querySelectorAll('g.gb-node').length > 5")
    settled(front)
    assert "n0" in cards(front)


def test_the_search_leads_to_what_is_out_of_sight(page):
    front = Front(page, live(chain(COUNT)))
    settled(front)
    front.view.get_by_role("button", name="find a node").click()
    page.keyboard.type(LAST)
    page.keyboard.press("Enter")
    until_in_sight(front, LAST)
    assert front.card(LAST).get_attribute("data-found") == ""


def test_a_card_says_what_it_is_when_the_pointer_comes(page):
    front = Front(page, live(chain(3), Tale(chain(3)).done("n0")))
    assert front.card("n0").locator("title").count() == 0
    front.card("n0").hover()
    assert front.card("n0").locator("title").text_content() == front.card("n0").get_attribute("aria-label")
