"""Single expressions and heads of loops."""

import pickle

import pytest

import graphbit_nb as gb
from graphbit_nb.templating import Expression, Loop

VALUES = {"critic": {"score": 8, "notes": ["a", "b"]}, "goal": 7, "name": "Ada", "nothing": None, "flag": True}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("goal", 7), ("critic.score", 8), ("critic['score']", 8), ("critic.notes[1]", "b"), ("critic.notes[-1]", "b"),
        ("critic.score >= 8", True), ("critic.score > goal and flag", True), ("not flag", False),
        ("goal == 7 or gone", True),
        ("'a' in critic.notes", True), ("critic.notes | length", 2), ("name | upper | lower", "ada"),
        ("gone | default('x')", "x"), ("nothing is none", True), ("gone is defined", False), ("'text'", "text"),
        ("3", 3),
        ("critic", VALUES["critic"]), ("  goal  ", 7), ("critic.notes | join(', ')", "a, b"), ("true", True),
    ],
)  # fmt: skip
def test_an_expression_gives_its_value(source, value):
    assert Expression(source).evaluate(VALUES) == value


def test_a_value_is_given_as_it_is_not_as_text():
    thing = {"a": [1]}
    assert Expression("thing").evaluate({"thing": thing}) is thing


def test_what_it_reads_is_known():
    assert [str(ref) for ref in Expression("critic.score >= goal").references] == ["critic.score", "goal"]


def test_what_has_a_default_need_not_be_there():
    assert [ref.required for ref in Expression("gone | default(1)").references] == [False]


@pytest.mark.parametrize(
    "source",
    [
        "", "   ", "goal >", ">= 8", "goal goal", "goal; goal", "{{ goal }}", "goal }} x {{ goal", "{% if goal %}",
        "f(goal)",
        "goal.__class__", "goal + 1", "[x for x in y]", "lambda: 1", "goal if flag else 1", "a\0b", "not", "a..b", "1x",
    ],
)  # fmt: skip
def test_what_is_no_expression_is_refused(source):
    with pytest.raises(gb.TemplateError):
        Expression(source)


@pytest.mark.parametrize("source", [None, 7, ["goal"], b"goal"])
def test_an_expression_is_a_text(source):
    with pytest.raises(gb.TemplateError, match="is no expression"):
        Expression(source)


def test_the_refusal_names_the_expression_and_no_template_around_it():
    with pytest.raises(gb.TemplateError) as caught:
        Expression("goal >")
    assert "'goal >'" in str(caught.value)
    assert "raw" not in str(caught.value)


def test_a_name_without_a_value_is_named():
    with pytest.raises(gb.MissingInputError, match="gaol"):
        Expression("gaol > 3").evaluate(VALUES)


def test_a_path_that_leads_nowhere_is_named():
    with pytest.raises(gb.TemplateError, match="scor"):
        Expression("critic.scor").evaluate(VALUES)


@pytest.mark.parametrize("source", ["name > 3", "nothing > 3", "critic < 1", "3 in goal"])
def test_values_that_cannot_be_compared_are_an_error_of_ours(source):
    with pytest.raises(gb.TemplateError):
        Expression(source).evaluate(VALUES)


def test_equal_sources_are_equal():
    assert Expression("goal ") == Expression(" goal")
    assert len({Expression("goal"), Expression("goal"), Expression("name")}) == 2


@pytest.mark.parametrize("made", [Expression("critic.score >= 8"), Loop("q, a in pairs")])
def test_both_can_be_pickled(made):
    assert pickle.loads(pickle.dumps(made)) == made


# ---- loops


@pytest.mark.parametrize(
    ("source", "items"),
    [
        ("x in [1, 2]", [{"x": 1}, {"x": 2}]),
        ("x in critic.notes", [{"x": "a"}, {"x": "b"}]),
        ("x in critic", [{"x": "score"}, {"x": "notes"}]),
        ("q, a in pairs", [{"q": 1, "a": 2}, {"q": 3, "a": 4}]),
        ("x in []", []),
        ("x in critic.notes | sort", [{"x": "a"}, {"x": "b"}]),
        ("x in gone | default([])", []),
    ],
)
def test_a_loop_gives_the_values_of_its_variables(source, items):
    assert Loop(source).items({**VALUES, "pairs": [(1, 2), [3, 4]]}) == items


def test_its_variables_and_what_it_reads_are_known():
    loop = Loop("q, a in table.pairs")
    assert loop.variables == ("q", "a")
    assert [str(ref) for ref in loop.references] == ["table.pairs"]


@pytest.mark.parametrize(
    "source",
    [
        "", "x", "x in", "in y", "x of y", "for x in y", "x in y if x", "x in y recursive", "x.y in z", "1 in z",
        "x in y %}{% for z in w", "x in f(y)",
    ],
)  # fmt: skip
def test_what_is_no_loop_is_refused(source):
    with pytest.raises(gb.TemplateError):
        Loop(source)


@pytest.mark.parametrize("value", ["text", b"bytes", 7, None, 1.5, object()])
def test_what_is_no_list_cannot_be_looped_over(value):
    with pytest.raises(gb.TemplateError, match=r"for_each 'x in y'.*cannot be looped over"):
        Loop("x in y").items({"y": value})


def test_tuples_and_sets_can_be_looped_over():
    assert Loop("x in y").items({"y": (1,)}) == Loop("x in y").items({"y": {1}}) == [{"x": 1}]


@pytest.mark.parametrize("item", ["ab", 3, (1,), (1, 2, 3), None])
def test_an_item_that_does_not_fit_is_named(item):
    with pytest.raises(gb.TemplateError, match="item 1 does not fit q, a"):
        Loop("q, a in pairs").items({"pairs": [item]})
