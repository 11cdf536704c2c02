"""A canary key is in no notebook: not in its outputs, its HTML, its live views, nor in what a cell's text may hold."""

import json
import sys
import textwrap
import zlib
from base64 import b64decode
from pathlib import Path

import pytest
from canarykit import asking, canary, echoing, holds, talk

import graphbit_nb as gb
from graphbit_nb.core.redaction import has_key, remember
from graphbit_nb.notebook import html
from graphbit_nb.notebook.live import frontend

sys.path.append(str(Path(__file__).parents[1] / "notebook"))
from kernels import execute


@pytest.fixture
def server():
    with echoing() as some:
        yield some


@pytest.fixture
def shell():
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    InteractiveShell.clear_instance()
    ip = InteractiveShell.instance(config=config)
    ip.run_line_magic("load_ext", "graphbit_nb")

    def run(cell):
        with capture_output() as captured:
            result = ip.run_cell(textwrap.dedent(cell))
        run.said = captured.stdout + captured.stderr + repr([output.data for output in captured.outputs])
        run.error = result.error_in_exec or result.error_before_exec
        return result.result

    run.ip = ip
    yield run
    ip.run_line_magic("unload_ext", "graphbit_nb")
    InteractiveShell.clear_instance()


def unpacked(text):
    """A notebook's text, with what is packed in it laid open."""
    import re

    found = [text]
    for packed in re.findall(r"[A-Za-z0-9+/]{60,}={0,2}", text):
        content = b64decode(packed + "=" * (-len(packed) % 4))
        for bits in (31, -15, 15):
            try:
                found.append(zlib.decompress(content, bits).decode("utf-8", "replace"))
                break
            except zlib.error:
                continue
    return "\n".join(found)


CELLS = (
    "%%graphbit prompt first\nSay {{ topic }}.",
    "%%graphbit prompt second\nSay again: {{ first }}",
    "topic = 'hello'\nresult = %graphbit run",
    "%graphbit inspect first",
    "%graphbit inspect second",
    "%graphbit preview second",
    "%graphbit history",
    "%graphbit stats",
    "%graphbit config",
    "result",
    "config",
    "%graphbit show",
)


@pytest.mark.parametrize("model", ["refuses", "tells"])
def test_an_executed_notebook_and_its_html_hold_none(server, model, tmp_path, monkeypatch):
    import nbformat
    from nbconvert import HTMLExporter, PythonExporter

    key = canary()
    monkeypatch.setenv("OPENAI_API_KEY", key)
    monkeypatch.setenv("GRAPHBIT_HOME", str(tmp_path / "home"))
    setup = f"""
        %load_ext graphbit_nb
        import graphbit_nb as gb
        config = gb.LlmConfig.openai({model!r}, base_url={server.url!r}, options={{"check_model": False}})
        %graphbit config --config config
        """
    cells = [cell for cell in CELLS if model == "tells" or not cell.endswith(" second")]  # which did not run
    document = execute(setup, *cells)
    assert set(server.heard) == {key}
    (tmp_path / "lesson.ipynb").write_text(nbformat.writes(document))
    (tmp_path / "lesson.html").write_text(HTMLExporter().from_notebook_node(document)[0])
    (tmp_path / "lesson.py").write_text(PythonExporter().from_notebook_node(document)[0])
    assert "[redacted]" in unpacked((tmp_path / "lesson.ipynb").read_text())
    assert holds(tmp_path, key) == set()
    for path in tmp_path.glob("lesson.*"):
        assert holds(unpacked(path.read_text()), key) == set()


def test_what_is_packed_is_laid_open_by_the_search():
    key = canary()
    assert holds(unpacked(frontend.pack(json.dumps({"text": f"{key} " * 40}))), key) == {key}


def test_what_a_run_shows_in_the_shell_has_none(server, shell):
    key = canary()
    shell.ip.user_ns["config"] = asking(server, "tells", key)
    for cell in ("%graphbit config --config config", *CELLS):
        if cell == "%graphbit show":
            continue
        shell(cell)
        assert shell.error is None, cell
        assert holds(unpacked(shell.said), key) == set(), cell
    assert shell.ip.user_ns["result"].outputs["first"] == f"you sent {key}"


@pytest.mark.parametrize("mode", ["Plain", "Context", "Verbose", "Minimal"])
def test_no_traceback_of_ipython_tells_it_in_any_mode(server, shell, mode):
    key = canary()
    shell.ip.user_ns["hidden"] = gb.LlmConfig.openai("m", api_key=key)
    shell.ip.run_line_magic("xmode", mode)
    try:
        shell("""
            from graphbit_nb.providers.presets import resolve
            resolve(hidden.model_copy(update={"options": {"api": "x"}}))
        """)
        assert isinstance(shell.error, gb.ConfigurationError)
        assert holds(shell.said, key) == set()
    finally:
        shell.ip.run_line_magic("xmode", "Context")


def test_the_state_of_a_live_view_and_what_it_sends_have_none(server):
    from graphbit_nb.notebook.live.state import Subject
    from graphbit_nb.notebook.live.view import LiveView

    class Widget:
        def __init__(self, heard, state):
            self.heard, self.state, self.sent = heard, state, []

        def send(self, content):
            self.sent.append(content)

        def close(self):
            pass

    key = canary()
    workflow = talk(prompt=f"Key {key}: say {{{{ topic }}}}.")
    result = gb.WorkflowExecutor(asking(server, "tells", key)).execute(workflow, {"topic": f"it is {key}"})
    view = LiveView(Subject(workflow=workflow), make_widget=Widget)
    view.update(snapshot=result.snapshot, notes=(("failed", f"because of {key}"),))
    view.widget.heard({"call": "width", "px": 700})
    view.widget.heard({"call": "inspect", "path": "first"})
    view.widget.heard({"call": "inspect", "path": key})
    view.close()
    told = json.dumps([view.widget.state, view.widget.sent])
    assert "record" in told
    assert "[redacted]" in told
    assert holds(told, key) == set()


# ---- a key in the text of a cell

SHAPED = canary("sk-proj-{}")


@pytest.mark.parametrize(
    "cell",
    [
        f"%graphbit config --provider openai --model m --api-key {SHAPED}",
        f"%graphbit config --api-key={SHAPED}",
        f"%graphbit config --provider openai --model {SHAPED}",
        f"%graphbit config --provider openai --model m --base-url https://host/?key={SHAPED}",
        f"%%graphbit prompt a\nMy key is {SHAPED}.",
        f"%%graphbit prompt a --system 'my key is {SHAPED}'\nHello",
        f"%%graphbit python a\nreturn '{SHAPED}'",
        f"%%graphbit python a --model {SHAPED}\nreturn 1",
        f"%graphbit run --set topic={SHAPED}",
        f"%graphbit run --set 'topic=\"{SHAPED}\"'",
        f"%graphbit ask {SHAPED}",
        f"%graphbit answer a {SHAPED}",
        f"%graphbit {SHAPED}",
        f"%%graphbit {SHAPED} a\nbody",
        f"%graphbit keys set openai {SHAPED}",
        f"%graphbit keys set openai --key {SHAPED}",
    ],
)
def test_a_key_in_a_cell_is_refused_with_the_safe_way_and_not_told_again(shell, cell):
    shell(cell)
    assert isinstance(shell.error, gb.UsageError)
    assert "%graphbit keys set" in str(shell.error)
    assert SHAPED not in str(shell.error) + shell.said


def test_a_key_that_is_known_is_refused_whatever_it_looks_like(shell):
    remember(key := canary())
    shell(f"%%graphbit prompt a\nMy key is {key}.")
    assert isinstance(shell.error, gb.UsageError)
    assert key not in str(shell.error)


@pytest.mark.parametrize(
    "cell",
    [
        "%%graphbit prompt a\nWhat does api_key=... mean, and Authorization: Bearer TOKEN?",
        "%%graphbit prompt a\nThe password: correct-horse-battery-staple-77 is known from a comic.",
        "%%graphbit python a\nreturn dict(key='some-value-123', token=len('x' * 40))",
    ],
)
def test_a_cell_that_merely_speaks_of_keys_is_taken(shell, cell):
    shell(cell)
    assert shell.error is None


def test_nothing_of_our_own_page_is_taken_for_a_key():
    for own in (frontend.css(), frontend.code(), html.page(html.shell([])), frontend.widget_module()):
        assert not has_key(str(own))
