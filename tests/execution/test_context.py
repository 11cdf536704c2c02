"""What a run knows, as one context."""

import pytest

from graphbit_nb import ExecutionContext, LlmConfig, MissingInputError, Node, WorkflowBuilder, WorkflowExecutor


def test_variables_are_set_and_read():
    context = ExecutionContext()
    context.set_variable("topic", "graphs")
    assert context.get_variable("topic") == "graphs"
    assert context.get_variable("other") is None


def test_variables_and_outputs_are_filled_into_a_template():
    context = ExecutionContext({"topic": "graphs"}, {"outline": ["a", "b"]})
    assert context.substitute_template("{{ topic }}: {{ outline[1] }}") == "graphs: b"


def test_what_is_not_there_is_an_error():
    with pytest.raises(MissingInputError):
        ExecutionContext().substitute_template("{{ topic }}")


def test_a_result_has_its_context():
    builder = WorkflowBuilder("w")
    builder.add_node(Node.prompt("outline", "About {{ topic }}"))
    result = WorkflowExecutor(LlmConfig.scripted({"outline": "a"})).execute(builder.build(), {"topic": "graphs"})
    context = result.context
    assert (context.variables, context.node_results) == ({"topic": "graphs"}, {"outline": "a"})
    assert (context.metadata.workflow, context.metadata.run_id) == ("w", result.run_id)
