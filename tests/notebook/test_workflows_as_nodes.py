"""A workflow of the notebook as a node of another: defined, run, and kept up to date."""

import pytest

import graphbit_nb as gb


@pytest.fixture
def review(shell):
    """Two workflows: review, with two nodes, and the current one, with none."""
    shell("%graphbit new review")
    shell("%%graphbit python score\nreturn len(text)\n")
    shell("%%graphbit python longer --after score\nreturn text + 'x'\n")
    shell("%graphbit use workflow")
    return shell


def test_a_cell_puts_a_workflow_inside_and_binds_its_inputs(review):
    review("%%graphbit python draft\nreturn 'ab'\n")
    review("%%graphbit workflow check --of review\ntext = draft\n")
    assert "check (workflow) · reads draft" in review.text
    assert review("%graphbit run").outputs["check"] == {"score": 2, "longer": "abx"}


@pytest.mark.parametrize("body", ["", "\n", "   \n"])
def test_without_a_body_inputs_are_bound_by_their_names(review, body):
    review(f"%%graphbit workflow check --of review{chr(10) if body else ''}{body}")
    assert "takes the input text" in review.text
    assert review("%graphbit run --set text=abc").outputs["check"]["score"] == 3


def test_its_nodes_are_read_by_path(review):
    review("%%graphbit workflow check --of review\n")
    review("%%graphbit python verdict\nreturn 'long' if check['score'] > 2 else 'short'\n")
    assert review("%graphbit run --set text=abc").outputs["verdict"] == "long"


def test_a_loop_ends_when_its_condition_holds(review):
    review(
        "%%graphbit workflow grow --of review --repeat-until 'score >= 4' --max-iterations 9 "
        "--carry text=longer --returns longer\n"
    )
    result = review("r = %graphbit run --set text=ab\nr")
    assert result.outputs["grow"] == "abxxx"
    assert result.nodes["grow"].iterations == 3


def test_a_workflow_of_a_variable_can_be_inside(shell):
    shell(
        "import graphbit_nb as gb\nbuilder = gb.WorkflowBuilder('inner')\n"
        "builder.add_node(gb.Node.python('twice', lambda n: 2 * n))\ninner = builder.build()"
    )
    shell("%%graphbit workflow x --of inner --returns twice\nn = number\n")
    assert shell("%graphbit run --set number=4").outputs["x"] == 8
    with pytest.raises(gb.UsageError, match="--of builder: that is a WorkflowBuilder, not a Workflow; call"):
        shell("%%graphbit workflow y --of builder\n")


def test_a_cell_that_is_run_again_renews_the_workflows_that_hold_it(review):
    review("%%graphbit workflow check --of review --returns score\n")
    review("%graphbit use review")
    review("%%graphbit python score\nreturn 10 * len(text)\n")
    assert "check of workflow has this version now" in review.text
    review("%graphbit use workflow")
    assert review("%graphbit run --set text=ab").outputs["check"] == 20


def test_renewal_goes_through_all_floors(review):
    review("%%graphbit workflow check --of review --returns score\n")
    review("%graphbit new outer")
    review("%%graphbit workflow all --of workflow --returns check\n")
    review("%graphbit use review")
    review("%%graphbit python score\nreturn 10 * len(text)\n")
    assert "all of outer has this version now" in review.text
    review("%graphbit use outer")
    assert review("%graphbit run --set text=ab").outputs["all"] == 20


def test_a_result_of_the_earlier_version_is_not_drawn_any_more(review):
    review("%%graphbit workflow check --of review\n")
    review("%graphbit run --set text=ab")
    workspace = review.workspace
    assert workspace.state_of(workspace.sketched()) is not None
    review("%graphbit use review")
    review("%%graphbit python score\nreturn 10 * len(text)\n")
    review("%graphbit use workflow")
    assert workspace.state_of(workspace.sketched()) is None


def test_a_change_that_does_not_fit_is_said_at_once_and_refused_when_it_is_run(review):
    review("%%graphbit workflow check --of review --returns score\n")
    review("%%graphbit python other\nreturn 1\n")
    review("%graphbit use review")
    review("%graphbit rm score longer")
    review("%%graphbit python points\nreturn len(text)\n")
    assert "check of workflow does not fit any more: returns: no node 'score' in 'review'" in review.text
    review("%graphbit use workflow")
    with pytest.raises(gb.UsageError, match="check does not fit the workflow 'review' as it is now"):
        review("%graphbit run --set text=ab")
    assert review("%graphbit run other").is_success()
    review("%%graphbit workflow check --of review --returns points\n")
    assert review("%graphbit run --set text=ab").outputs["check"] == 2


def test_workflows_that_would_hold_each_other_are_refused(review):
    review("%%graphbit workflow check --of review\n")
    review("%graphbit use review")
    with pytest.raises(gb.UsageError, match="review would hold itself: review → workflow → review"):
        review("%%graphbit workflow back --of workflow\n")


def test_an_empty_workflow_is_not_put_inside(shell):
    shell("%graphbit new empty")
    shell("%graphbit use workflow")
    with pytest.raises(gb.UsageError, match="the workflow 'empty' has no nodes"):
        shell("%%graphbit workflow x --of empty\n")


def test_a_node_that_was_removed_or_became_another_is_not_renewed(review):
    review("%%graphbit workflow check --of review\n")
    review("%%graphbit python check\nreturn 1\n")
    review("%%graphbit workflow second --of review\n")
    review("%graphbit rm second")
    review("%graphbit use review")
    review("%%graphbit python score\nreturn 0\n")
    assert "has this version now" not in review.text


def test_parts_are_told_below_their_node_and_looked_at_by_path(review):
    review("%%graphbit workflow grow --of review --repeat-until 'score >= 3' --max-iterations 9 --carry text=longer\n")
    review("%graphbit run --set text=ab")
    lines = review.text.splitlines()
    at = lines.index("    iteration 1")
    assert lines[at + 1] == "      score   succeeded  2"
    assert lines[at + 3] == "    iteration 2"
    review("%graphbit inspect grow#2.score")
    assert "grow#2.score succeeded\n[answer]\n3" in review.text
    review("%graphbit inspect grow")
    assert "grow#1.longer  succeeded  abx" in review.text
