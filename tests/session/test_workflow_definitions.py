"""A workflow is kept with its runs: always to be looked at, and to be run again if it could be written."""

import pytest

import graphbit_nb as gb
from graphbit_nb.files.trust import UntrustedCodeError
from graphbit_nb.session.definitions import definition_of, outline_in, workflow_in


def prompts():
    builder = gb.WorkflowBuilder("notes")
    builder.add_node(gb.Node.prompt("outline", "Points about {{ topic }}"))
    builder.add_node(gb.Node.prompt("draft", "Write {{ outline }}"))
    return builder.build()


def coded(fn):
    builder = gb.WorkflowBuilder("coded")
    builder.add_node(gb.Node.python("size", fn))
    return builder.build()


def test_a_workflow_without_code_is_itself_again():
    assert workflow_in(definition_of(prompts())) == prompts()


def test_code_is_run_only_when_it_is_trusted():
    definition = definition_of(coded(lambda topic: len(topic)))  # noqa: PLW0108
    with pytest.raises(UntrustedCodeError):
        workflow_in(definition)
    again = workflow_in(definition, trust=True)
    assert gb.WorkflowExecutor().execute(again, {"topic": "four"}).outputs == {"size": 4}


def test_what_cannot_be_written_is_still_outlined_and_says_why_it_is_not_run():
    kept = object()
    definition = definition_of(coded(lambda topic: (topic, kept)))
    assert list(outline_in(definition).nodes) == ["size"]
    with pytest.raises(gb.UsageError, match=r"was not kept in full: .*kept"):
        workflow_in(definition)


def test_the_same_workflow_is_written_once():
    workflow = prompts()
    assert definition_of(workflow) is definition_of(workflow)


def test_a_workflow_defined_alike_has_the_same_definition():
    assert definition_of(prompts()) == definition_of(prompts())


@pytest.mark.parametrize("text", ["", "null", "{}", '{"outline": 3}', "[" * 100_000])
def test_what_is_no_definition_is_refused(text):
    with pytest.raises(gb.StorageError, match="cannot be read"):
        outline_in(text)
