"""`%config GraphbitMagics`: what is set holds at once, and a slip is an error that stops Run All."""

import pytest

import graphbit_nb as gb


def test_a_setting_holds_from_the_next_cell_on(shell):
    shell("%config GraphbitMagics.max_concurrency = 3")
    assert shell.magics.max_concurrency == 3


def test_a_value_may_be_an_expression_over_the_notebooks_variables(shell):
    shell("slots = 2")
    shell("%config GraphbitMagics.max_concurrency = slots * 4")
    assert shell.magics.max_concurrency == 8


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("max_concurrency = 0", "max_concurrency: should not be less than 1, but a value of 0 was specified"),
        ("live = 'widgets'", "live: expected any of"),
        ("max_concurrecny = 3", "no setting 'max_concurrecny'; did you mean 'max_concurrency'"),
        ("colour = 3", "no setting 'colour'; there are draw, live, max_concurrency, on_error"),
        ("draw = no", "draw: 'no' cannot be read: name 'no' is not defined"),
    ],
)
def test_a_slip_is_refused_and_changes_nothing(shell, line, message):
    with pytest.raises(gb.UsageError, match=message):
        shell(f"%config GraphbitMagics.{line}")
    assert (shell.magics.max_concurrency, shell.magics.live, shell.magics.draw) == (64, "auto", True)


def test_settings_are_listed_as_ipython_lists_them(shell):
    shell("%config GraphbitMagics")
    assert "GraphbitMagics.max_concurrency" in shell.printed


def test_other_settings_are_ipythons_business(shell):
    shell("%config IPCompleter.greedy = True")
    assert shell.ip.Completer.greedy


def test_unloading_gives_ipythons_own_back(shell):
    ours = shell.ip.find_line_magic("config")
    shell.ip.run_line_magic("unload_ext", "graphbit_nb")
    assert shell.ip.find_line_magic("config") is not ours
    shell.ip.run_line_magic("load_ext", "graphbit_nb")
