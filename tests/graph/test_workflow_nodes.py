"""What is said when a workflow node is defined: inputs, loops, what it returns."""

import pickle

import pytest

import graphbit_nb as gb


def inner(*, iteration=False):
    builder = gb.WorkflowBuilder("inner")
    builder.add_node(gb.Node.python("revise", lambda text: text))
    builder.add_node(gb.Node.python("score", lambda revise: 1))
    if iteration:
        builder.add_node(gb.Node.python("seen", lambda iteration: iteration))
    return builder.build()


def node(**more):
    return gb.Node.workflow("review", more.pop("workflow", None) or inner(), **more)


def refused(*words, **more):
    with pytest.raises(gb.DefinitionError) as caught:
        node(**more)
    for word in ("review", *words):
        assert word in str(caught.value)


def test_a_workflow_node_needs_a_workflow():
    refused("needs a Workflow, not str", workflow="text")


def test_a_builder_is_to_be_built_first():
    refused("not WorkflowBuilder; call .build() on it first", workflow=gb.WorkflowBuilder("x"))


def test_an_input_that_is_not_there_is_refused_with_the_nearest():
    refused("'inner' has no input 'txt'; did you mean 'text'?", inputs={"txt": "draft"})


@pytest.mark.parametrize("inputs", ["text", ["text"], 7])
def test_inputs_are_a_dict(inputs):
    refused("give a dict of the inner inputs", inputs=inputs)


@pytest.mark.parametrize("expression", ["", "draft.", "draft +", "draft()", "{{ draft }}", 7])
def test_a_binding_is_an_expression(expression):
    with pytest.raises(gb.GraphbitError):
        node(inputs={"text": expression})


def test_inputs_that_are_not_mentioned_take_their_own_names():
    assert [str(ref) for ref in node().references] == ["text"]


def test_bindings_are_what_the_node_reads():
    assert [str(ref) for ref in node(inputs={"text": "draft.body"}).references] == ["draft.body"]


def test_the_iteration_is_no_input_of_the_workflow_around():
    builder = gb.WorkflowBuilder("outer")
    builder.add_node(node(workflow=inner(iteration=True)))
    assert list(builder.build().inputs) == ["text"]


def test_what_it_returns_is_an_inner_node():
    refused("returns: no node 'scor' in 'inner'; did you mean 'score'?", returns="scor")


def test_a_loop_must_have_an_end():
    refused("repeat_until needs max_iterations", repeat_until="score > 1")


def test_iterations_without_a_condition_are_refused():
    refused("max_iterations needs repeat_until", max_iterations=3)


@pytest.mark.parametrize("most", [0, -1, 1.5, True, "3", 1_001])
def test_iterations_are_a_number_from_one_to_a_thousand(most):
    refused(f"max_iterations={most!r}: give a number from 1 to 1,000", repeat_until="score > 1", max_iterations=most)


def test_a_loop_reads_inner_nodes_only():
    refused(
        "reads 'scroe', which is no node of 'inner'; did you mean 'score'?", repeat_until="scroe > 1", max_iterations=2
    )


def test_a_loop_may_read_inner_inputs():
    assert node(repeat_until="text == ''", max_iterations=2).settings.repeat_until.source == "text == ''"


def test_a_loop_may_read_the_iteration_if_something_inside_does():
    made = node(workflow=inner(iteration=True), repeat_until="iteration >= 2", max_iterations=5)
    assert made.settings.repeat_until.source == "iteration >= 2"


@pytest.mark.parametrize("until", ["score >", "score and", "f(score)", "", "{{ score }}"])
def test_the_condition_is_one_expression(until):
    with pytest.raises(gb.GraphbitError):
        node(repeat_until=until, max_iterations=2)


def test_what_is_carried_goes_to_an_input():
    refused(
        "carry: 'inner' has no input 'txt'; did you mean 'text'?",
        carry={"txt": "revise"}, repeat_until="score > 1", max_iterations=2,
    )  # fmt: skip


def test_what_is_carried_comes_from_an_inner_node():
    refused(
        "carry: no node 'revis' in 'inner'; did you mean 'revise'?",
        carry={"text": "revis"}, repeat_until="score > 1", max_iterations=2,
    )  # fmt: skip


def test_carrying_is_a_dict():
    refused("carry='text': give a dict", carry="text", repeat_until="score > 1", max_iterations=2)


def test_carrying_without_a_loop_is_refused():
    refused("carry", carry={"text": "revise"})


def test_a_path_into_what_an_inner_node_is_called_is_checked():
    builder = gb.WorkflowBuilder("outer")
    builder.add_node(node())
    builder.add_node(gb.Node.prompt("end", "{{ review.scor }}"))
    with pytest.raises(gb.ValidationError, match="score"):
        builder.build()


def test_workflows_with_workflows_inside_can_be_pickled():
    builder = gb.WorkflowBuilder("inner")
    builder.add_node(gb.Node.prompt("revise", "{{ text }}"))
    made = node(
        workflow=builder.build(), inputs={"text": "draft.body"}, repeat_until="revise == 'x'", max_iterations=2,
        carry={"text": "revise"}, returns="revise",
    )  # fmt: skip
    again = pickle.loads(pickle.dumps(made))
    assert again.settings.bindings == made.settings.bindings
    assert again.settings.repeat_until == made.settings.repeat_until
    assert again.settings.carry == {"text": "revise"}
    assert again.settings.workflow.nodes["revise"].settings == made.settings.workflow.nodes["revise"].settings
    assert again.settings.workflow.plan == made.settings.workflow.plan
