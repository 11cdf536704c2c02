"""%graphbit budget: what was spent and may be, as a table; and the limits of the kernel."""

import pytest

import graphbit_nb as gb
from graphbit_nb.notebook.commands import budget as command  # noqa: F401 (which registers it)
from graphbit_nb.session import budgets


@pytest.fixture(autouse=True)
def _nothing_spent():
    budgets.forget_budgets()
    yield
    budgets.forget_budgets()


def rows(shell):
    return [line.split() for line in shell.text.splitlines()]


def test_before_anything_there_is_nothing_to_show(shell):
    shell("%graphbit budget")
    assert "nothing is spent, and nothing is limited" in shell.text
    assert "set one with %graphbit budget --cost 5" in shell.text


def test_limits_are_set_and_shown_with_what_is_left(shell):
    shell("%graphbit budget --cost 5 --tokens 1000 --seconds 60")
    assert ["this", "kernel", "cost", "$0.00", "$5.00", "$5.00"] in rows(shell)
    assert ["this", "kernel", "tokens", "0", "1,000", "1,000"] in rows(shell)
    assert ["this", "kernel", "seconds", "0", "s", "60", "s", "60", "s"] in rows(shell)
    assert "<table" in shell.outputs[0]["text/html"]


def test_a_limit_that_is_set_leaves_the_others_as_they_are(shell):
    shell("%graphbit budget --cost 5 --price acme/large=0.5,1.5")
    shell("%graphbit budget --calls 3")
    assert budgets.kernel_purse().budget == gb.Budget(cost=5.0, calls=3, prices={"acme/large": (0.5, 1.5)})


def test_off_takes_the_limits_away_and_reset_begins_to_count_anew(shell):
    shell("%graphbit budget --calls 3")
    budgets.kernel_purse().spend(budgets.Amount(calls=2))
    shell("%graphbit budget --off")
    assert budgets.kernel_purse().budget is None
    assert ["this", "kernel", "calls", "2"] in rows(shell)
    shell("%graphbit budget --reset")
    assert budgets.kernel_purse().spent == budgets.NOTHING


def test_a_run_that_meets_the_budget_of_the_kernel_says_how_to_go_on(shell, scripted):
    scripted({"*": "x"})
    shell("%%graphbit prompt a\ngo")
    shell("%%graphbit prompt b\nmore {{ a }}")
    shell("%graphbit budget --calls 1")
    result = shell("r = %graphbit run\nr")
    assert result.nodes["b"].error.type == "BudgetExceeded"
    assert "%graphbit budget --calls 4" in result.nodes["b"].error.message
    shell("%graphbit budget --calls 4")
    assert ["this", "kernel", "calls", "1", "3", "4"] in rows(shell)
    assert shell("r = %graphbit resume\nr").is_success()


def test_runs_with_a_budget_of_their_own_are_listed(shell):
    runner = gb.WorkflowExecutor(gb.LlmConfig.scripted({"*": "x"}), storage="memory")
    builder = gb.WorkflowBuilder("mine")
    builder.add_node(gb.Node.prompt("a", "go"))
    result = runner.execute(builder.build(), budget=gb.Budget(calls=7))
    shell("%graphbit budget")
    line = next(
        line for line in shell.text.splitlines() if f"mine, run {result.run_id[:8]}" in line and "calls" in line
    )
    assert line.split()[-4:] == ["calls", "1", "6", "7"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--cost -1", "cost must be"),
        ("--cost much", "much"),
        ("--calls 1.5", "1.5"),
        ("--cots 5", "cost"),
        ("--off --cost 5", "--off takes the limits away"),
        ("--cost 5 --price acme/large", "write provider/model=IN,OUT"),
        ("--cost 5 --price acme/large=1", "write provider/model=IN,OUT"),
        ("--cost 5 --price acme/large=1,-2", "million tokens"),
    ],
)
def test_a_slip_is_refused_and_changes_nothing(shell, line, message):
    shell("%graphbit budget --calls 3")
    with pytest.raises(gb.UsageError, match=message):
        shell(f"%graphbit budget {line}")
    assert budgets.kernel_purse().budget == gb.Budget(calls=3)


def test_a_price_alone_is_no_budget(shell):
    with pytest.raises(gb.UsageError, match="goes with a limit"):
        shell("%graphbit budget --price acme/large=1,2")


def test_a_run_has_a_budget_of_its_own_and_goes_on_with_more(shell, scripted):
    scripted({"*": "x"})
    shell("%%graphbit prompt a\ngo")
    shell("%%graphbit prompt b\nmore {{ a }}")
    result = shell("r = %graphbit run --budget calls=1\nr")
    assert "%graphbit resume --budget calls=4" in result.nodes["b"].error.message
    assert not shell("r = %graphbit resume\nr").is_success()
    assert shell("r = %graphbit resume --budget calls=4\nr").is_success()


def test_the_budget_of_every_run_can_be_set_beforehand(shell, scripted):
    scripted({"*": "x"})
    shell("%%graphbit prompt a\ngo")
    shell("%config GraphbitMagics.budget = 'calls=0'")
    assert shell.magics.budget == gb.Budget(calls=0)
    assert not shell("r = %graphbit run\nr").is_success()
    shell("%config GraphbitMagics.budget = None")
    assert shell("r = %graphbit run\nr").is_success()
    with pytest.raises(gb.UsageError, match="no limit 'call'; did you mean 'calls'"):
        shell("%config GraphbitMagics.budget = 'call=1'")


def test_a_slip_in_the_budget_of_a_run_is_refused(shell, scripted):
    scripted({"*": "x"})
    shell("%%graphbit prompt a\ngo")
    with pytest.raises(gb.UsageError, match="no limit 'cash'"):
        shell("%graphbit run --budget cash=1")
