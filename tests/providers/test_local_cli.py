"""`graphbit-nb local install`: which weights it is told to fetch."""

import pytest

from graphbit_nb.cli import main
from graphbit_nb.errors import ConfigurationError
from graphbit_nb.providers.local import weights


@pytest.mark.parametrize(
    ("arguments", "only"), [((), None), (("--only", "chat"), "chat"), (("--only", "embed"), "embed")]
)
def test_both_models_are_installed_or_the_one_that_is_named(monkeypatch, capsys, arguments, only):
    monkeypatch.setattr(weights, "install", lambda job, *, say: say(f"installing {job}"))
    assert main(["local", "install", *arguments]) == 0
    assert capsys.readouterr().out == f"installing {only}\n"


def test_a_failure_is_told_on_one_line_and_in_the_exit_status(monkeypatch, capsys):
    def fail(*_, **__):
        raise ConfigurationError("no disk")

    monkeypatch.setattr(weights, "install", fail)
    assert main(["local", "install"]) == 1
    assert capsys.readouterr().err == "graphbit-nb: no disk\n"


def test_a_model_that_is_not_there_is_wrong_usage(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["local", "install", "--only", "voice"])
    assert "chat" in capsys.readouterr().err
