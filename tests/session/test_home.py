"""Where a process keeps what it remembers."""

from pathlib import Path

import pytest

import graphbit_nb as gb
from graphbit_nb.session.home import forget_home, home, made_home


@pytest.fixture(autouse=True)
def _unsettled(monkeypatch, tmp_path):
    monkeypatch.delenv("GRAPHBIT_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    gb.shutdown()
    yield
    gb.shutdown()


def test_it_is_a_directory_beside_the_notebook_unless_something_is_said(tmp_path):
    assert home() == tmp_path / ".graphbit"


def test_the_environment_says_where(monkeypatch, tmp_path):
    monkeypatch.setenv("GRAPHBIT_HOME", str(tmp_path / "kept"))
    assert home() == tmp_path / "kept"


def test_init_comes_before_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("GRAPHBIT_HOME", str(tmp_path / "kept"))
    gb.init(home=tmp_path / "told")
    assert home() == tmp_path / "told"


def test_it_is_settled_once_whatever_becomes_of_the_working_directory(monkeypatch, tmp_path):
    before = home()
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert home() == before


def test_nothing_is_made_by_asking_where_it_is():
    assert not home().exists()


def test_it_keeps_itself_out_of_repositories():
    assert (made_home() / ".gitignore").read_text().endswith("\n*\n")


def test_a_gitignore_of_the_users_stays(tmp_path):
    (tmp_path / ".graphbit").mkdir()
    (tmp_path / ".graphbit" / ".gitignore").write_text("mine")
    assert (made_home() / ".gitignore").read_text() == "mine"


def test_another_home_is_refused_while_one_is_in_use(tmp_path):
    home()
    with pytest.raises(gb.UsageError, match=r"home is '.*\.graphbit' in this process; call graphbit_nb\.shutdown"):
        gb.init(home=tmp_path / "other")


def test_after_shutdown_another_one_is_taken(tmp_path):
    home()
    gb.shutdown()
    gb.init(home=tmp_path / "other")
    assert home() == tmp_path / "other"


def test_the_same_home_again_is_no_slip(tmp_path):
    gb.init(home=tmp_path / "one")
    home()
    gb.init(home=str(tmp_path / "one"))


@pytest.mark.parametrize("given", ["", 3, b"x"])
def test_what_is_no_path_is_refused(given):
    with pytest.raises(gb.UsageError, match="give the path of a directory"):
        gb.init(home=given)


def test_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(gb.UsageError, match="that is a file; give the path of a directory"):
        gb.init(home=tmp_path / "file")


def test_a_directory_that_cannot_be_made_is_an_error_that_says_what_to_do(tmp_path):
    (tmp_path / "file").write_text("")
    gb.init(home=tmp_path / "file" / "below")
    with pytest.raises(gb.StorageError, match=r"cannot be used to keep runs: .*storage='memory'"):
        made_home()


def test_a_home_in_the_users_directory_is_found(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    gb.init(home="~/kept")
    assert home() == Path(tmp_path) / "kept"
    forget_home()
