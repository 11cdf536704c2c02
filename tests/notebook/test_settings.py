"""`%config GraphbitMagics`: what is set holds at once, and a slip is an error that stops Run All."""

import re

import pytest
from traitlets.config import Config
from traitlets.config.loader import DeferredConfigString

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
        ("colour = 3", "no setting 'colour'; there are budget, cache, draw, live, max_concurrency"),
        ("draw = no", "draw: no cannot be read: name 'no' is not defined; a text has quotes: 'no'"),
    ],
)
def test_a_slip_is_refused_and_changes_nothing(shell, line, message):
    with pytest.raises(gb.UsageError, match=message):
        shell(f"%config GraphbitMagics.{line}")
    assert (shell.magics.max_concurrency, shell.magics.live, shell.magics.draw) == (64, "auto", True)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("%config GraphbitMagics.lve", "no setting 'lve'; did you mean 'live'?"),
        ("%config graphbitmagics.live = 'quiet'", "%config: no 'graphbitmagics'; did you mean 'GraphbitMagics'?"),
    ],
)
def test_a_slip_that_ipython_lets_pass_is_refused(shell, line, message):
    with pytest.raises(gb.UsageError, match=re.escape(message)):
        shell(line)


def test_one_setting_is_shown_as_ipython_shows_it(shell):
    assert shell("%config GraphbitMagics.max_concurrency") == 64


def test_settings_are_listed_as_ipython_lists_them_each_with_its_help(shell):
    shell("%config GraphbitMagics")
    for name, trait in type(shell.magics).class_own_traits(config=True).items():
        assert f"GraphbitMagics.{name}" in shell.printed
        assert trait.help in shell.printed


def restarted(shell, **settings):
    """Load the extension as a kernel does whose configuration files have these settings."""
    shell.ip.run_line_magic("unload_ext", "graphbit_nb")
    shell.ip.config["GraphbitMagics"] = Config(settings)
    shell("%load_ext graphbit_nb")
    return shell.magics


def test_settings_come_from_the_configuration_too(shell):
    magics = restarted(shell, max_concurrency=5, live="quiet")
    assert (magics.max_concurrency, magics.live, magics.draw) == (5, "quiet", True)
    assert shell.outputs == []


def test_settings_come_from_the_command_line_as_texts(shell):
    magics = restarted(shell, max_concurrency=DeferredConfigString("5"), draw=DeferredConfigString("False"))
    assert (magics.max_concurrency, magics.draw) == (5, False)


def test_a_bad_setting_of_the_configuration_is_said_and_the_others_hold(shell):
    magics = restarted(shell, max_concurrency=0, lve="quiet", draw=False)
    assert (magics.max_concurrency, magics.live, magics.draw) == (64, "auto", False)
    assert "max_concurrency: should not be less than 1, but a value of 0 was specified; it stays 64" in shell.text
    assert "no setting 'lve'; did you mean 'live'?; it is left out" in shell.text


def test_a_setting_survives_the_change_of_another(shell):
    restarted(shell, max_concurrency=5, live="nothing")
    shell("%config GraphbitMagics.draw = False")
    assert (shell.magics.max_concurrency, shell.magics.live, shell.magics.draw) == (5, "auto", False)


def test_other_settings_are_ipythons_business(shell):
    shell("%config IPCompleter.greedy = True")
    assert shell.ip.Completer.greedy


def test_unloading_gives_ipythons_own_back(shell):
    ours = shell.ip.find_line_magic("config")
    shell.ip.run_line_magic("unload_ext", "graphbit_nb")
    assert shell.ip.find_line_magic("config") is not ours
    shell.ip.run_line_magic("load_ext", "graphbit_nb")
