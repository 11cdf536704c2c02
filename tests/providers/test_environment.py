import os

import pytest

from graphbit_nb.core.config import LlmConfig
from graphbit_nb.errors import ConfigurationError
from graphbit_nb.providers.environment import environment
from graphbit_nb.providers.presets import resolve

KEY = "gsk-from-a-file"
GROQ = LlmConfig(provider="groq", model="m")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home with a project in it, in which we are."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("GRAPHBIT_DOTENV", raising=False)
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    project = tmp_path / "home" / "project"
    project.mkdir(parents=True)
    monkeypatch.chdir(project)
    return tmp_path / "home"


@pytest.fixture
def project(home):
    return home / "project"


def test_a_key_is_found_in_the_env_file_of_the_working_directory(project):
    (project / ".env").write_text(f"# keys\nexport GROQ_API_KEY='{KEY}'\n")
    assert resolve(GROQ).key.get_secret_value() == KEY


def test_an_address_is_found_there_as_well(project):
    (project / ".env").write_text("OLLAMA_HOST=box:1\n")
    assert resolve(LlmConfig.ollama("m")).base_url == "http://box:1"


def test_directories_above_are_looked_in_and_the_nearest_file_counts(home, project, monkeypatch):
    (home / ".env").write_text(f"GROQ_API_KEY={KEY}\n")
    assert environment()["GROQ_API_KEY"] == KEY
    (project / ".env").write_text("OTHER=1\n")
    assert "GROQ_API_KEY" not in environment()


def test_nothing_above_the_home_directory_is_looked_at(home):
    (home.parent / ".env").write_text(f"GROQ_API_KEY={KEY}\n")
    assert "GROQ_API_KEY" not in environment()


def test_the_environment_of_the_process_goes_first_and_stays_as_it_is(project, monkeypatch):
    (project / ".env").write_text(f"GROQ_API_KEY={KEY}\nGRAPHBIT_TEST_ONLY=1\n")
    monkeypatch.setenv("GROQ_API_KEY", "gsk-of-the-process")
    assert resolve(GROQ).key.get_secret_value() == "gsk-of-the-process"
    assert environment()["GRAPHBIT_TEST_ONLY"] == "1"
    assert "GRAPHBIT_TEST_ONLY" not in os.environ


def test_a_file_is_read_again_when_it_has_changed_and_not_before(project, monkeypatch):
    path = project / ".env"
    path.write_text("GROQ_API_KEY=one\n")
    assert environment()["GROQ_API_KEY"] == "one"
    monkeypatch.setattr("dotenv.dotenv_values", lambda **_: {"GROQ_API_KEY": "read again"})
    assert environment()["GROQ_API_KEY"] == "one"
    os.utime(path, ns=(1, 1))
    assert environment()["GROQ_API_KEY"] == "read again"


@pytest.mark.parametrize("switch", ["0", "false", "No", " off "])
def test_it_can_be_switched_off(project, monkeypatch, switch):
    (project / ".env").write_text(f"GROQ_API_KEY={KEY}\n")
    monkeypatch.setenv("GRAPHBIT_DOTENV", switch)
    with pytest.raises(ConfigurationError, match=r"GROQ_API_KEY in the environment or in a \.env file"):
        resolve(GROQ)


@pytest.mark.parametrize("content", [b"GROQ_API_KEY=\xff\xfe" + KEY.encode(), b"\x00\xff"], ids=["latin", "binary"])
def test_a_file_that_cannot_be_read_is_told_of_without_what_is_in_it(project, caplog, content):
    (project / ".env").write_bytes(content)
    assert "GROQ_API_KEY" not in environment()
    assert "cannot be read (UnicodeDecodeError)" in caplog.text
    assert KEY not in caplog.text


def test_a_line_that_is_no_setting_does_not_hide_the_others_and_is_not_shown(project, caplog):
    (project / ".env").write_text(f"what is {KEY}-x this\nGROQ_API_KEY={KEY}\nEMPTY\n")
    assert environment()["GROQ_API_KEY"] == KEY
    assert "EMPTY" not in environment()
    assert KEY not in caplog.text


@pytest.mark.parametrize("make", [lambda path: path.mkdir(), lambda path: path.symlink_to("nowhere")])
def test_what_is_no_file_is_passed_over(home, project, make):
    make(project / ".env")
    (home / ".env").write_text(f"GROQ_API_KEY={KEY}\n")
    assert environment()["GROQ_API_KEY"] == KEY


def test_a_working_directory_that_is_gone_is_no_error(project, monkeypatch):
    gone = project / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert environment() is os.environ


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have no owners here")
def test_a_file_that_somebody_else_put_into_a_directory_open_to_all_is_not_trusted(project, monkeypatch):
    (project / ".env").write_text(f"GROQ_API_KEY={KEY}\n")
    project.chmod(0o777)
    assert environment()["GROQ_API_KEY"] == KEY
    monkeypatch.setattr("os.geteuid", lambda: project.stat().st_uid + 1)
    assert "GROQ_API_KEY" not in environment()
    project.chmod(0o755)
    assert environment()["GROQ_API_KEY"] == KEY
