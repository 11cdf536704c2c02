"""After a kernel has died, the next one says which runs did not finish, and how to go on with them."""

import subprocess
import sys

import graphbit_nb as gb

DIES = """
import os, signal
import graphbit_nb as gb
builder = gb.WorkflowBuilder("notes")
builder.add_node(gb.Node.prompt("a", "one"))
builder.add_node(gb.Node.python("b", lambda a: os.kill(os.getpid(), signal.SIGKILL)))
gb.WorkflowExecutor(gb.LlmConfig.scripted({"a": "kept"})).execute(builder.build())
"""


def die(home):
    subprocess.run([sys.executable, "-c", DIES], check=False, env={"GRAPHBIT_HOME": str(home)}, timeout=60)


def test_it_is_said_when_the_extension_is_loaded(home, shell):
    die(home)
    shell("%reload_ext graphbit_nb")
    run = gb.runs()[0].run_id
    assert shell.text == (
        f"the run {run} of notes did not finish: 1 of 2 done; %graphbit resume {run} goes on with it, "
        f"%graphbit forget {run} throws it away"
    )
    shell(f"%graphbit forget {run}")
    shell("%reload_ext graphbit_nb")
    assert shell.text == ""


def test_it_is_gone_on_with_by_that_line(home, shell):
    die(home)
    shell("%graphbit new notes")
    shell("%%graphbit prompt a\none\n")
    shell("%%graphbit python b\nreturn f'{a}, and more'\n")
    result = shell("%graphbit resume")
    assert result.outputs == {"a": "kept", "b": "kept, and more"}


def test_many_are_counted(home, shell):
    for _ in range(5):
        die(home)
    shell("%reload_ext graphbit_nb")
    assert len(shell.text.splitlines()) == 4
    assert shell.text.endswith("and 2 more: %graphbit history --status unfinished")


def test_without_a_database_nothing_is_said_and_none_is_made(home, shell):
    shell("%reload_ext graphbit_nb")
    assert shell.text == ""
    assert not home.exists()


def test_loading_the_extension_does_not_settle_the_home(home, shell, tmp_path):
    die(home)
    shell("%reload_ext graphbit_nb")
    gb.init(home=tmp_path / "other")
    shell("%%graphbit python a\nreturn 1\n")
    shell("%graphbit run")
    assert (tmp_path / "other" / "graphbit.db").exists()


def test_a_file_that_cannot_be_read_does_not_hinder_loading(home, shell):
    home.mkdir(parents=True)
    (home / "graphbit.db").write_text("no database")
    shell("%reload_ext graphbit_nb")
    assert shell.text == ""
