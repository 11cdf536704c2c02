"""In a terminal, under a real pty: a bar while a run goes on, Ctrl-C stops it with one line, and work goes on."""

import os
import select
import sys
import time

import pytest

pty = pytest.importorskip("pty")  # Windows has neither
termios = pytest.importorskip("termios")

LIMIT = 30  # seconds; only a fault comes near it
SETUP = """
import asyncio
import graphbit_nb as gb
%load_ext graphbit_nb
async def forever(request):
    await asyncio.Event().wait()
script = gb.LlmConfig.scripted({"slow": forever, "*": "fine"})
%graphbit config --config script
get_ipython().run_cell("%%graphbit prompt first\\nx")
get_ipython().run_cell("%%graphbit prompt slow\\n{{ first }}")
"""


class Terminal:
    """A program on a pty."""

    def __init__(self, *words, **env):
        self.pid, self.end = pty.fork()
        if self.pid == 0:
            os.execve(words[0], words, {**os.environ, **env})  # noqa: S606 (what is under test)
        termios.tcsetwinsize(self.end, (40, 100))
        self.said = ""

    def type(self, text):
        self.said = ""
        os.write(self.end, text.encode())

    def until(self, text):
        """Read until this is there; return all that was said since something was typed."""
        deadline = time.monotonic() + LIMIT
        while text not in self.said:
            assert time.monotonic() < deadline, f"{text!r} is not in {self.said!r}"
            if select.select([self.end], [], [], 0.1)[0]:
                self.said += os.read(self.end, 65536).decode(errors="replace")
        return self.said

    def close(self):
        os.close(self.end)
        os.waitpid(self.pid, 0)


@pytest.fixture
def terminal(tmp_path):
    (tmp_path / "setup.ipy").write_text(SETUP)
    words = (sys.executable, "-m", "IPython", "--simple-prompt", "--no-banner", "--no-confirm-exit", "-i")
    running = Terminal(*words, str(tmp_path / "setup.ipy"), IPYTHONDIR=str(tmp_path), TERM="xterm")
    running.until("In [1]: ")
    yield running
    running.close()


def test_ctrl_c_stops_a_run_with_one_line_and_the_next_run_works(terminal):
    terminal.type("%graphbit run\n")
    assert "1/2 first  succeeded  fine" in terminal.until("1 running")
    terminal.type("\x03")
    said = terminal.until("In [2]: ")
    assert "cancelled: 1 of 2 nodes had finished; graphbit_nb.last keeps their results" in said
    assert "Traceback" not in said
    terminal.type("r = %graphbit run first\n")
    terminal.until("In [3]: ")
    terminal.type("r.outputs\n")
    assert "{'first': 'fine'}" in terminal.until("In [4]: ")


def test_looking_at_things_in_a_terminal_is_text_without_markup(terminal):
    terminal.type("r = %graphbit run first\n")
    terminal.until("In [2]: ")
    terminal.type("%graphbit inspect first\n")
    inspected = terminal.until("In [3]: ")
    assert "[answer]" in inspected
    terminal.type("%graphbit show\n")
    shown = terminal.until("In [4]: ")
    assert "workflow: 2 nodes: first, slow" in shown
    for said in (inspected, shown):
        assert "<" not in said
