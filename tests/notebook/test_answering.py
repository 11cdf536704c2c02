"""A run that waits for a person: what is asked is said, an answer goes on with it, and nothing is lost meanwhile."""

import asyncio

import pytest
from IPython.utils.capture import capture_output

import graphbit_nb as gb


@pytest.fixture
def asking(scripted):
    shell = scripted({"draft": "A draft.", "final": "done"})
    shell("%%graphbit prompt draft\nWrite.\n")
    shell("%%graphbit human approve --output 'yes|no'\nMay this go out?\n{{ draft }}\n")
    shell("%%graphbit prompt final --when approve=yes\nPublish {{ draft }}\n")
    return shell


def test_a_run_returns_when_a_person_is_all_that_it_waits_for(asking):
    result = asking("r = %graphbit run\nr")
    assert result.status == "waiting"
    assert result.outputs == {"draft": "A draft."}


def test_the_question_and_how_to_answer_it_are_said(asking):
    asking("%graphbit run")
    assert "approve  waiting    asks: May this go out? A draft. (yes | no)" in asking.text
    assert "answer with %graphbit answer approve yes|no" in asking.text


def test_an_answer_goes_on_with_the_run(asking):
    asking("%graphbit run")
    result = asking("r = %graphbit answer approve yes\nr")
    assert result.status == "succeeded"
    assert result.outputs == {"draft": "A draft.", "approve": "yes", "final": "done"}
    assert gb.last is result


def test_nothing_is_called_again_after_an_answer(scripted):
    calls = []
    shell = scripted({"draft": lambda request: calls.append(1) or "A draft."})
    shell("%%graphbit prompt draft\nWrite.\n")
    shell("%%graphbit human approve\n{{ draft }}?\n")
    shell("%graphbit run")
    shell("%graphbit answer approve fine")
    assert len(calls) == 1


def test_the_result_before_the_answer_stays_what_it_was(asking):
    before = asking("r = %graphbit run\nr")
    asking("%graphbit answer approve yes")
    assert before.status == "waiting"
    assert before.nodes["approve"].state == "waiting"


def test_cells_after_a_waiting_run_go_on(asking):
    asking("r = %graphbit run\nlater = r.status == 'waiting'")
    assert asking.ip.user_ns["later"] is True


def test_outputs_go_into_their_variables_as_they_come(asking):
    asking("%%graphbit prompt draft --into text\nWrite.\n")
    asking("%graphbit run")
    assert asking.ip.user_ns["text"] == "A draft."


def test_answers_are_held_to_the_options(asking):
    asking("%graphbit run")
    with pytest.raises(gb.UsageError, match="approve: 'yess' is none of the answers; did you mean 'yes'"):
        asking("%graphbit answer approve yess")
    with pytest.raises(gb.UsageError, match="'perhaps' is none of the answers; there are yes, no"):
        asking("%graphbit answer approve perhaps")
    assert asking("%graphbit answer approve no").nodes["final"].state == "skipped"


def test_answers_are_read_as_the_declared_type(shell):
    shell("%%graphbit human age --output int\nHow old?\n")
    shell("%graphbit run")
    with pytest.raises(gb.UsageError, match="the answer to age"):
        shell("%graphbit answer age old")
    assert shell("%graphbit answer age 42").outputs["age"] == 42


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("%graphbit answer name it's me", "it's me"),
        ("%graphbit answer name 'in quotes'", "in quotes"),
        ("%graphbit answer name --run {x} $y", "--run {x} $y"),
        ("%%graphbit answer name\nfirst line\nsecond line\n", "first line\nsecond line"),
    ],
)
def test_an_answer_is_any_text(shell, line, text):
    shell("%%graphbit human name\nWho?\n")
    shell("%graphbit run")
    assert shell(line).outputs["name"] == text


def test_without_a_text_the_question_is_said(asking):
    asking("%graphbit run")
    for line in ("%graphbit answer", "%graphbit answer approve", "r = %graphbit answer approve"):
        asking(line)
        assert (
            "approve asks:\n  May this go out?\n  A draft.\n  answer with %graphbit answer approve yes|no"
            in asking.text
        )
    assert asking.ip.user_ns["r"] is None


def test_several_persons_are_answered_one_after_the_other(shell):
    shell("%%graphbit human one\nFirst?\n")
    shell("%%graphbit human two\nSecond?\n")
    shell("%%graphbit python both\nreturn one + two\n")
    shell("%graphbit run")
    assert shell("r = %graphbit answer two b\nr").status == "waiting"
    assert shell("r = %graphbit answer one a\nr").outputs["both"] == "ab"


def test_persons_inside_others_are_answered_by_path(shell):
    shell("%graphbit new review")
    shell("%%graphbit human approve\nIs {{ text }} fine?\n")
    shell("%graphbit use workflow")
    shell("%%graphbit workflow check --of review --returns approve\ntext = topic\n")
    shell("%%graphbit human each --for-each 'item in items'\nAnd {{ item }}?\n")
    shell("%graphbit run --set topic=it items=\"['a', 'b']\"")
    for line in ("check.approve", "each[0]", "each[1]"):
        assert f"answer with %graphbit answer {line} TEXT" in shell.text
    shell("%graphbit answer check.approve yes")
    shell("%graphbit answer each[1] two")
    assert shell("%graphbit answer each[0] one").outputs == {"check": "yes", "each": ["one", "two"]}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("%graphbit answer aprove yes", "no node 'aprove' waits for an answer; did you mean 'approve'"),
        ("%graphbit answer draft yes", "draft waits for no answer, it is succeeded; approve does"),
        ("%graphbit answer nothing yes", "no node 'nothing' waits for an answer; approve does"),
    ],
)
def test_a_node_that_does_not_ask_is_refused(asking, line, message):
    asking("%graphbit run")
    with pytest.raises(gb.UsageError) as caught:
        asking(line)
    assert message in str(caught.value)


def test_an_answer_is_refused_when_nothing_waits(asking):
    for setup in ("1", "%graphbit run draft"):
        asking(setup)
        with pytest.raises(gb.UsageError, match="no run of workflow waits for an answer"):
            asking("%graphbit answer approve yes")


def test_an_answer_on_the_line_and_below_is_refused(asking):
    asking("%graphbit run")
    with pytest.raises(gb.UsageError, match="not both"):
        asking("%%graphbit answer approve yes\nno\n")


def test_each_workflow_has_its_own_questions(asking):
    asking("%graphbit run")
    asking("%graphbit new other")
    with pytest.raises(gb.UsageError, match="no run of other waits"):
        asking("%graphbit answer approve yes")
    asking("%graphbit use workflow")
    assert asking("%graphbit answer approve yes").is_success()


# ---- cancelling


def test_a_waiting_run_can_be_given_up(asking):
    asking("%graphbit run")
    asking("%graphbit cancel")
    assert gb.last.status == "cancelled"
    assert gb.last.outputs == {"draft": "A draft."}
    with pytest.raises(gb.UsageError, match="no run of workflow goes on"):
        asking("%graphbit cancel")


def test_one_question_alone_can_be_given_up(asking):
    asking("%graphbit run")
    asking("%graphbit cancel approve")
    assert gb.last.nodes["approve"].state == "cancelled"
    assert gb.last.outputs == {"draft": "A draft."}


@pytest.mark.parametrize("line", ["cancel", "cancel slow"])
def test_a_run_or_a_node_that_works_is_cancelled(shell, line):
    shell("import asyncio")
    shell("%%graphbit python quick\nreturn 1\n")
    shell("%%graphbit python slow --after quick\nawait asyncio.Event().wait()\n")
    magics = shell.ip.magics_manager.registry["GraphbitMagics"]

    async def cancel_when_running():
        task = asyncio.ensure_future(shell.run("%graphbit run"))
        while (
            magics.runner.handle is None
            or magics.runner.handle.snapshot is None
            or not magics.runner.handle.snapshot.done
        ):
            await asyncio.sleep(0)
        magics.graphbit(line)
        return await task

    with capture_output():
        outcome = asyncio.run(cancel_when_running())
    assert isinstance(outcome.error_in_exec, gb.RunCancelled)
    assert (gb.last.status, gb.last.nodes["slow"].state) == ("cancelled", "cancelled")


def test_a_name_that_is_no_node_is_refused(asking):
    asking("%graphbit run")
    with pytest.raises(gb.UsageError, match="no node 'aprove'"):
        asking("%graphbit cancel aprove")


def test_a_run_has_a_deadline(shell):
    shell("import asyncio")
    shell("%%graphbit python slow\nawait asyncio.Event().wait()\n")
    result = shell("%graphbit run --deadline 0.05")
    assert result.status == "failed"
    assert result.nodes["slow"].state == "failed"
