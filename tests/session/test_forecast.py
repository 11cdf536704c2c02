"""What a run would cost, before it is made."""

import pytest

import graphbit_nb as gb
from graphbit_nb.providers import prices
from graphbit_nb.session.forecast import estimate_cost
from graphbit_nb.session.forecast_sizes import tokens_of
from graphbit_nb.session.ranges import NONE, Range

OPENAI = gb.LlmConfig.openai("gpt-4o-mini", api_key="sk-" + "k3y9" * 10)


def workflow(*nodes, name="w"):
    builder = gb.WorkflowBuilder(name)
    for node in nodes:
        builder.add_node(node)
    return builder.build()


def rows(found):
    return {row.node: row for row in found.rows}


def one(*nodes, inputs=None, **options):
    (row,) = estimate_cost(workflow(*nodes), inputs, config=OPENAI, **options).rows
    return row


def ran(made, inputs=None, times=1, answers=None):
    config = gb.LlmConfig.scripted(answers or {"*": "one two three four"})
    results = [gb.WorkflowExecutor(config).execute(made, inputs) for _ in range(times)]
    return config, results[-1]


def test_a_prompt_that_is_known_is_measured_and_max_tokens_is_the_bound_of_the_answer():
    row = one(gb.Node.prompt("a", "Say it about {{ x }}. " * 50, max_tokens=100), inputs={"x": "graphs"})
    assert row.calls == Range.exactly(1)
    assert row.output_tokens == Range(1.0, 100.0, 100.0)
    assert 100 < row.input_tokens.low < row.input_tokens.likely < row.input_tokens.high
    assert row.why == "prompt known, answer unknown: up to max_tokens=100"
    assert row.sure == "likely"


def test_money_follows_from_the_published_prices():
    row = one(gb.Node.prompt("a", "x" * 4000, max_tokens=100))
    prices.warm()
    usage = gb.Usage(input_tokens=round(row.input_tokens.likely), output_tokens=100, calls=1)
    from graphbit_nb.providers.catalog import PRESETS

    answer = gb.GenerateResponse(text="", usage=usage)
    known = prices.cost_of(PRESETS["openai"], PRESETS["openai"].base_url, "gpt-4o-mini", answer)
    assert row.cost.likely == pytest.approx(known)
    assert 0 < row.cost.low < row.cost.likely < row.cost.high


def test_an_answer_without_a_bound_has_no_upper_cost():
    row = one(gb.Node.prompt("a", "x"))
    assert row.cost.high is None
    assert "no max_tokens" in row.why
    assert row.sure == "rough"


def test_an_unknown_price_is_said_and_not_taken_as_nothing():
    config = gb.LlmConfig.openai_compatible(base_url="http://x.invalid/v1", model="m", api_key="k" * 20)
    found = estimate_cost(workflow(gb.Node.prompt("a", "x")), config=config)
    assert found.rows[0].cost is None
    assert found.unpriced == ("a",)
    assert "price unknown" in found.rows[0].why
    assert "and what a cost" in repr(found)


def test_a_prompt_that_reads_another_answer_grows_with_it():
    made = workflow(gb.Node.prompt("a", "x", max_tokens=50), gb.Node.prompt("b", "Use {{ a }}.", max_tokens=9))
    found = rows(estimate_cost(made, config=OPENAI))
    assert found["b"].input_tokens.likely > 50
    assert "guessed from its template" in found["b"].why


def test_the_items_of_a_known_list_are_counted():
    node = gb.Node.prompt("a", "About {{ x }}", for_each="x in xs", max_tokens=10)
    assert one(node, inputs={"xs": [1, 2, 3]}).calls == Range.exactly(3)
    assert one(node, inputs={"xs": []}).cost == NONE


def test_a_list_that_is_not_known_has_no_bound():
    row = one(gb.Node.prompt("a", "About {{ x }}", for_each="x in xs", max_tokens=10))
    assert (row.calls.low, row.calls.high) == (0.0, None)
    assert "number of items unknown" in row.why


def test_what_follows_a_condition_may_not_be_run():
    made = workflow(
        gb.Node.condition("pick", lambda: "yes"),
        gb.Node.prompt("a", "x", when="pick=yes", max_tokens=10),
        gb.Node.prompt("b", "{{ a }}", max_tokens=10),
    )
    found = rows(estimate_cost(made, config=OPENAI))
    assert [found[name].calls.low for name in "ab"] == [0.0, 0.0]
    assert "may not be run" in found["a"].why


def test_a_loop_is_a_range_of_its_iterations():
    inner = workflow(gb.Node.prompt("draft", "x", max_tokens=10), name="inner")
    node = gb.Node.workflow("again", inner, repeat_until="draft == 'done'", max_iterations=5)
    (row,) = estimate_cost(workflow(node), config=OPENAI).rows
    assert row.node == "again.draft"
    assert (row.calls.low, row.calls.high) == (1.0, 5.0)


def test_an_agent_may_take_several_turns():
    def look(word: str) -> str:
        """Look a word up."""
        return word

    row = one(gb.Node.agent("a", "x", tools=[look], max_turns=4, max_tokens=10))
    assert row.calls.high >= 4


def test_code_is_not_run_and_costs_nothing():
    def boom():
        raise AssertionError

    assert estimate_cost(workflow(gb.Node.python("a", boom)), config=OPENAI).rows == ()


def test_past_runs_say_how_long_answers_are():
    made = workflow(gb.Node.prompt("a", "Tell of {{ x }}"))
    config, _ = ran(made, {"x": "graphs"}, times=4)
    (row,) = estimate_cost(made, {"x": "graphs"}, config=config).rows
    assert "answer from 4 past runs" in row.why
    assert row.sure == "likely"


def test_a_node_that_was_changed_has_a_past_of_another_version():
    config, _ = ran(workflow(gb.Node.prompt("a", "Tell")), times=3)
    (row,) = estimate_cost(workflow(gb.Node.prompt("a", "Tell more of it")), config=config).rows
    assert "3 past runs of an earlier version" in row.why
    assert row.sure == "rough"


@pytest.mark.parametrize("times", [1, 4])
def test_the_range_holds_what_the_run_then_takes(times):
    made = workflow(
        gb.Node.prompt("a", "Tell me three things about {{ x }}, please"),
        gb.Node.prompt("b", "Make this longer: {{ a }}"),
        gb.Node.prompt("each", "Judge {{ word }} by {{ b }}", for_each="word in words"),
    )
    inputs = {"x": "graphs and trees", "words": ["one", "two", "three"]}
    config, _ = ran(made, inputs, times=times)
    found = estimate_cost(made, inputs, config=config)
    _, result = ran(made, inputs)
    for name, row in rows(found).items():
        usage = result.snapshot.nodes[name].usage
        assert usage.calls in row.calls, name
        assert usage.input_tokens in row.input_tokens, name
        assert usage.output_tokens in row.output_tokens, name
    assert result.snapshot.usage.input_tokens in found.input_tokens


class Counting(gb.CustomLlmClient):
    """A provider whose answers are remembered, because it is no script."""

    provider_name = "counting"

    async def generate(self, request, listener=None):
        usage = gb.Usage(input_tokens=10, output_tokens=5, calls=1)
        return gb.GenerateResponse(text="one two", finish_reason="stop", usage=usage, cost=0.5)


@pytest.fixture
def counting():
    gb.ProviderRegistry.register("counting", Counting)
    yield gb.LlmConfig(provider="counting", model="m")
    gb.ProviderRegistry.unregister("counting")


def test_what_is_remembered_is_free_and_so_is_what_follows_from_it(counting):
    made = workflow(gb.Node.prompt("a", "Tell"), gb.Node.prompt("b", "More of {{ a }}"))
    gb.WorkflowExecutor(counting).execute(made)
    found = estimate_cost(made, config=counting)
    assert [(row.why, row.cost, row.sure) for row in found.rows] == [("remembered: free", NONE, "sure")] * 2
    assert found.cost == NONE
    fresh = estimate_cost(made, config=counting, cache="recompute")
    assert all(row.calls.likely == 1 for row in fresh.rows)


def test_prices_of_past_runs_stand_in_for_those_that_are_not_published(counting):
    made = workflow(gb.Node.prompt("a", "Tell {{ x }}"))
    for x in "abc":
        gb.WorkflowExecutor(counting).execute(made, {"x": x})
    (row,) = estimate_cost(made, {"x": "d"}, config=counting).rows
    assert 0.5 in row.cost
    assert "price from past runs" in row.why


@pytest.mark.parametrize(
    ("given", "message"),
    [({"inputs": {"topik": 1}}, "did you mean 'topic'"), ({"pinned": {"aa": 1}}, "no node"), ({"nodes": ["z"]}, "z")],
)
def test_slips_are_refused(given, message):
    with pytest.raises(gb.UsageError, match=message):
        estimate_cost(workflow(gb.Node.prompt("a", "{{ topic }}")), config=OPENAI, **given)


def test_what_is_no_workflow_is_refused():
    with pytest.raises(gb.UsageError, match="give a Workflow"):
        estimate_cost("w")


def test_values_that_break_when_they_are_read_are_unknown():
    class Broken:
        def __str__(self):
            raise RuntimeError

    row = one(gb.Node.prompt("a", "{{ x }}", max_tokens=5), inputs={"x": Broken()})
    assert row.calls == Range.exactly(1)


def test_other_scripts_take_more_tokens_than_plain_letters():
    assert tokens_of("字" * 100).likely > tokens_of("a" * 100).likely
    assert tokens_of("") == NONE
