"""The arguments that nodes of every kind take, and how each is refused when it is wrong."""

import pytest

import graphbit_nb as gb

MODEL = gb.LlmConfig.openai("gpt-4o-mini")


def node(**more):
    return gb.Node.python("step", lambda x=1: x, **more)


def inner():
    builder = gb.WorkflowBuilder("inner")
    builder.add_node(gb.Node.python("a", lambda: 1))
    return builder.build()


def refused(make, *words, error=gb.UsageError):
    with pytest.raises(error) as caught:
        make()
    for word in ("step", *words):
        assert word in str(caught.value)


@pytest.mark.parametrize("when", ["route", "=good", "route=", "route=a|", "a b=c", "1x=a", 7, [None], ["route"]])
def test_a_condition_that_cannot_be_read_is_refused(when):
    refused(lambda: node(when=when), "write it as 'node=label'")


def test_a_join_is_all_or_any():
    refused(lambda: node(join="an"), "join='an'", "did you mean 'any'?", "'all', 'any'")


def test_what_an_item_error_does_is_fail_or_skip():
    refused(lambda: node(for_each="x in [1]", on_item_error="skipp"), "did you mean 'skip'?")


def test_what_an_item_error_does_needs_items():
    refused(lambda: node(on_item_error="skip"), "on_item_error", "for_each")


@pytest.mark.parametrize("concurrency", [0, -1, 1.5, True, "2"])
def test_concurrency_is_a_number_of_at_least_one(concurrency):
    refused(lambda: node(concurrency=concurrency), f"concurrency={concurrency!r}", "at least 1")


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), True, "5"])
def test_a_timeout_is_seconds_more_than_zero(timeout):
    refused(lambda: node(timeout=timeout), "give seconds, more than 0")


@pytest.mark.parametrize("retry", [0, -2, True, "3", 1.5])
def test_a_retry_is_a_number_of_attempts_or_a_policy(retry):
    refused(lambda: node(retry=retry), "number of attempts")


@pytest.mark.parametrize("after", [7, [7], [None]])
def test_what_comes_before_is_named(after):
    refused(lambda: node(after=after), "after=")


def test_what_comes_before_may_be_a_node_itself():
    first = node()
    assert gb.Node.python("next", lambda: 1, after=first).after == ("step",)
    assert gb.Node.python("next", lambda: 1, after=[first, "other"]).after == ("step", "other")


def test_an_argument_that_no_kind_has_is_refused_with_the_nearest():
    refused(lambda: node(for_eech="x in [1]"), "a python node has no 'for_eech'", "did you mean 'for_each'?")


@pytest.mark.parametrize("for_each", ["points", "x in", "in points", "x of points", "", 7])
def test_what_is_no_loop_is_refused(for_each):
    refused(lambda: node(for_each=for_each), error=gb.GraphbitError)


def test_the_variables_of_a_loop_are_not_read_from_outside():
    made = gb.Node.prompt("step", "{{ point }} of {{ topic }}", for_each="point in outline.points")
    assert [str(ref) for ref in made.references] == ["outline.points", "topic"]


def test_the_loop_may_go_over_several_names():
    made = gb.Node.prompt("step", "{{ q }} {{ a }}", for_each="q, a in pairs")
    assert made.for_each.variables == ("q", "a")
    assert [str(ref) for ref in made.references] == ["pairs"]


def test_a_fallback_is_checked_against_the_declared_output():
    refused(lambda: node(output="int", fallback="many"), error=gb.OutputError)


def test_a_fallback_given_as_text_is_read_as_the_declared_output():
    assert node(output="int", fallback="3").fallback == 3


def test_a_fallback_may_be_none():
    assert node(fallback=None).fallback is None


def test_a_model_can_only_stand_in_for_a_model():
    refused(lambda: node(fallback=MODEL), "asks none; give a value")


def test_a_model_can_stand_in_for_a_prompt():
    assert gb.Node.prompt("step", "x", fallback=MODEL).fallback is MODEL


def test_a_person_makes_no_attempts():
    refused(lambda: gb.Node.human("step", "ok?", retry=2), "a human node makes no attempts")


def test_a_person_has_as_long_as_it_takes():
    refused(lambda: gb.Node.human("step", "ok?", timeout=5), "waits as long as it takes")


def test_a_sub_workflow_makes_no_attempts_of_its_own():
    refused(lambda: gb.Node.workflow("step", inner(), retry=2), "say it of the nodes inside")


def test_a_sub_workflow_may_have_a_timeout():
    assert gb.Node.workflow("step", inner(), timeout=5).timeout == 5


def test_a_condition_is_a_function_or_a_template():
    refused(lambda: gb.Node.condition("step", 7), "a function or a template, not int", error=gb.DefinitionError)


def test_a_template_takes_its_inputs_by_name():
    refused(
        lambda: gb.Node.condition("step", "{{ a }}", inputs={"a": "b"}), "'inputs' is for functions",
        error=gb.DefinitionError,
    )  # fmt: skip


@pytest.mark.parametrize("text", ["", "  ", None, 7])
def test_an_embed_node_needs_a_text(text):
    refused(lambda: gb.Node.embed("step", text), error=gb.DefinitionError)


@pytest.mark.parametrize("question", [None, 7])
def test_a_human_node_needs_a_text(question):
    refused(lambda: gb.Node.human("step", question), error=gb.GraphbitError)
