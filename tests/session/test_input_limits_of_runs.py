"""What is too large, or cannot be sent, is refused before anything is called, or kept."""

import pytest

import graphbit_nb as gb


def flow(*nodes, name="flow"):
    builder = gb.WorkflowBuilder(name)
    for node in nodes:
        builder.add_node(node)
    return builder.build()


class Asked:
    """A model that notes what it is asked."""

    def __init__(self):
        self.prompts = []

    @property
    def config(self):
        return gb.LlmConfig.scripted({"*": self.answer})

    def answer(self, request):
        self.prompts.append(request.messages[-1].content)
        return "yes"


@pytest.fixture
def asked():
    return Asked()


def run(workflow, inputs=None, *, asked=None, **limits):
    config = None if asked is None else asked.config
    return gb.WorkflowExecutor(config, limits=gb.InputLimits(**limits), cache="disable").execute(workflow, inputs)


def test_a_prompt_that_is_too_long_is_not_sent(asked):
    result = run(flow(gb.Node.prompt("a", "Read {{ x }}")), {"x": "y" * 200}, asked=asked, max_prompt_chars=100)
    assert "the prompt of a has 205 characters, over the limit of 100" in str(result.errors["a"])
    assert asked.prompts == []


def test_inputs_that_are_too_large_are_refused_at_once(asked):
    with pytest.raises(
        gb.InputTooLarge, match=r"the inputs of flow have [\d,]+ bytes or more, over the limit of 1,000"
    ):
        run(flow(gb.Node.prompt("a", "Read {{ x }}")), {"x": "y" * 2000}, asked=asked, max_input_bytes=1000)
    assert asked.prompts == []


def test_an_output_that_is_too_large_fails_its_node_and_no_other():
    workflow = flow(gb.Node.python("a", lambda: "y" * 2000), gb.Node.python("b", lambda: 1))
    result = run(workflow, max_output_bytes=1000)
    assert "a gave 2,000 bytes or more, over the limit of 1,000" in str(result.errors["a"])
    assert result.outputs == {"b": 1}


def test_a_fan_out_over_too_much_opens_nothing():
    called = []
    workflow = flow(gb.Node.python("a", lambda item: called.append(item), for_each="item in x"))  # noqa: PLW0108
    result = run(workflow, {"x": range(10**15)}, max_fan_out=50)
    assert "for_each 'item in x' of a has 1,000,000,000,000,000 items, over the limit of 50" in str(result.errors["a"])
    assert called == []


def test_a_workflow_with_too_many_nodes_or_too_deep_ones_is_refused():
    inner = flow(gb.Node.python("a", lambda: 1), name="inner")
    middle = flow(gb.Node.workflow("m", inner), name="middle")
    outer = flow(gb.Node.workflow("o", middle), gb.Node.python("p", lambda: 1), name="outer")
    with pytest.raises(gb.InputTooLarge, match="outer has 4 nodes, over the limit of 3"):
        run(outer, max_nodes=3)
    with pytest.raises(gb.InputTooLarge, match="outer has workflows inside each other, 3 deep, over the limit of 2"):
        run(outer, max_nesting=2)
    assert run(outer, max_nodes=4, max_nesting=3).is_success()


def test_the_limits_of_the_process_hold_where_an_executor_says_nothing(asked):
    gb.init(limits=gb.InputLimits(max_prompt_chars=3))
    workflow = flow(gb.Node.prompt("a", "Hello."))
    assert not gb.WorkflowExecutor(asked.config, cache="disable").execute(workflow).is_success()
    assert run(workflow, asked=asked).is_success()
    gb.shutdown()
    assert gb.WorkflowExecutor(asked.config, cache="disable").execute(workflow).is_success()


@pytest.mark.parametrize("limits", [5, {"max_nodes": 1}, "many"])
def test_limits_are_input_limits(limits):
    with pytest.raises(gb.UsageError, match="give InputLimits"):
        gb.WorkflowExecutor(limits=limits)
    with pytest.raises(gb.UsageError, match="give InputLimits"):
        gb.init(limits=limits)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("one\ntwo\x00", r"the prompt has a NUL character in line 2, from 'x'"),
        ("half \ud83d", r"the prompt has half a character, U\+D83D, in line 1, from 'x'"),
    ],
)
def test_a_character_that_no_provider_takes_is_told_with_its_place_and_is_not_sent(asked, text, told):
    result = run(flow(gb.Node.prompt("a", "Read {{ x }}.")), {"x": text}, asked=asked)
    assert result.errors["a"].type == "InvalidTextError"
    assert asked.prompts == []
    with pytest.raises(AssertionError, match=told):
        raise AssertionError(str(result.errors["a"]))


def test_other_control_characters_and_any_language_are_sent_as_they_are(asked):
    text = "\x1b[1mbold\x1b[0m \x07 \u202e 🎉 ü \u200b \ufeff"
    assert run(flow(gb.Node.prompt("a", "{{ x }}")), {"x": text}, asked=asked).is_success()
    assert asked.prompts == [text]
