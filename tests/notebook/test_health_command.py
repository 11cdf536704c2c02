"""%graphbit health."""

import pytest

import graphbit_nb as gb


def test_it_lists_what_was_looked_at(shell, monkeypatch):
    monkeypatch.setattr("graphbit_nb.session.health.Board.begin_asking", lambda *_: None)
    shell("%graphbit health")
    assert shell.text.startswith("health: ")
    assert "store" in shell.text
    assert "<table" in shell.outputs[0]["text/html"]


def test_a_bad_time_is_refused(shell):
    with pytest.raises(gb.UsageError, match="timeout"):
        shell("%graphbit health --timeout -1")
