"""A shell that raises what a cell raises, and remembers what it displays."""

from __future__ import annotations

import asyncio
import atexit
import os

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from jupyter_client.manager import start_new_kernel
from kernels import Kernel
from traitlets.config import Config

from graphbit_nb import LlmConfig


class Shell:
    """Runs cells the way a kernel does, awaits included."""

    def __init__(self, ip: InteractiveShell) -> None:
        self.ip = ip
        self.outputs: list = []
        self.printed = ""

    def __call__(self, cell: str, cell_id: str | None = None):
        with capture_output() as captured:
            result = asyncio.run(self.run(cell, cell_id))
        self.outputs = [output.data for output in captured.outputs]
        self.printed = captured.stdout
        result.raise_error()
        return result.result

    async def run(self, cell: str, cell_id: str | None = None):
        """Do what ipykernel's do_execute does: transform, run, tell the events."""
        transformed = self.ip.transform_cell(cell)
        try:
            return await self.ip.run_cell_async(cell, transformed_cell=transformed, store_history=True, cell_id=cell_id)
        finally:
            self.ip.events.trigger("post_execute")
            self.ip.events.trigger("post_run_cell", None)

    @property
    def text(self) -> str:
        """The text form of everything that the cell displayed."""
        return "\n".join(output["text/plain"] for output in self.outputs if "text/plain" in output)

    @property
    def magics(self):
        return self.ip.magics_manager.registry["GraphbitMagics"]

    @property
    def workspace(self):
        return self.magics.workspace


@pytest.fixture
def shell():
    config = Config()
    config.HistoryManager.enabled = False
    InteractiveShell.clear_instance()
    ip = InteractiveShell.instance(config=config)
    ip.run_line_magic("load_ext", "graphbit_nb")
    yield Shell(ip)
    ip.run_line_magic("unload_ext", "graphbit_nb")
    InteractiveShell.clear_instance()
    atexit.unregister(ip.atexit_operations)  # a tenth of a second each, at the end of the tests


@pytest.fixture
def scripted(shell):
    """A shell whose models answer from a script: scripted({"node": "answer"})."""

    def use(responses):
        shell.ip.user_ns["script"] = LlmConfig.scripted(responses)
        shell("%graphbit config --config script")
        return shell

    return use


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    home = str(tmp_path_factory.mktemp("home"))
    manager, client = start_new_kernel(
        kernel_name="python3", extra_arguments=["--log-level=ERROR"], env={**os.environ, "GRAPHBIT_HOME": home}
    )
    yield Kernel(manager, client)
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.fixture
def press(shell):
    """Press Tab at the place of the bar: what of ours is offered, as (word, begin, end)."""

    def at_bar(code: str) -> list[tuple[str, int, int]]:
        at = code.index("¦")
        with provisionalcompleter():
            found = list(shell.ip.Completer.completions(code.replace("¦", ""), at))
        return [(one.text, one.start, one.end) for one in found if one.type == "graphbit"]

    return at_bar
