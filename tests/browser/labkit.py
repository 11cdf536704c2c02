"""JupyterLab in a headless Chromium: a server, a guarded page, and a driver for one notebook.

JupyterLab is driven by its own commands (`window.jupyterapp`), never by key presses.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import Browser, Locator, Page, Route

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
LIGHT, DARK = "JupyterLab Light", "JupyterLab Dark"

CHROMIUM_ARGS = [
    "--no-sandbox",  # root, as in a container, may not use it
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # covers what a route handler cannot see: web sockets
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-sync",
    "--no-first-run",
]

LAB_SETTINGS = {
    # Off-screen cells are drawn too, or tests could not see them.
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}

KERNEL_IS_READY = """(name) => {
    const panel = window.jupyterapp?.shell?.currentWidget;
    const kernel = panel?.sessionContext?.session?.kernel;
    return panel?.context?.path === name && panel.context.isReady
        && kernel?.status === 'idle' && kernel.connectionStatus === 'connected';
}"""


def find_chromium() -> str | None:
    """The browser to use: `CHROMIUM`, else the first of the usual names on the path."""
    names = [os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"]
    return next((found for name in names if name and (found := shutil.which(name))), None)


class LabServer:
    """`jupyter lab` of this environment on the loopback address, with settings, data and home of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = ""
        self._state = root.with_name(root.name + "-state")
        self._log = self._state / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, timeout: float = 60) -> Self:
        self.root.mkdir(parents=True)
        for name, setting in LAB_SETTINGS.items():
            file = self._state / "settings" / f"{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(setting))
        (self._state / "home").mkdir()
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
                    *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
                    *("--IdentityProvider.token=", "--ServerApp.password=", "--ServerApp.disable_check_xsrf=True"),
                    f"--ServerApp.root_dir={self.root}",
                    "--LabApp.expose_app_in_browser=True",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | self._environment(),
                start_new_session=True,  # so that stop() ends the kernels too, and nothing else
            )
        deadline = time.monotonic() + timeout
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"JupyterLab did not start:\n{self._log.read_text()}")
            time.sleep(0.05)
        return self

    def stop(self) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def write_notebook(self, cells: Sequence[str]) -> str:
        """Save a new notebook of these code cells; return its name."""
        name = f"{secrets.token_hex(4)}.ipynb"
        code = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": []}
        document = {
            "cells": [{**code, "id": f"cell-{i}", "source": source} for i, source in enumerate(cells)],
            "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        (self.root / name).write_text(json.dumps(document))
        return name

    def _environment(self) -> dict[str, str]:
        caches = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        return {
            "HOME": str(self._state / "home"),
            "XDG_CACHE_HOME": caches,  # the local model's weights lie there
            "IPYTHONDIR": str(self._state / "ipython"),
            "JUPYTER_CONFIG_DIR": str(self._state / "config"),
            "JUPYTER_DATA_DIR": str(self._state / "data"),
            "JUPYTER_RUNTIME_DIR": str(self._state / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(self._state / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(self._state / "workspaces"),
            "JUPYTER_PREFER_ENV_PATH": "1",  # the kernel of this environment, not one of the user's
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/api/status", timeout=2) as answer:  # noqa: S310 - loopback
                return bool(json.load(answer))
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return False


@dataclass
class GuardedPage:
    """A page that reaches this machine only; what it asked of others, and what it threw, is kept here."""

    page: Page
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, browser: Browser) -> Self:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        guarded = cls(context.new_page())
        context.route("**/*", guarded._route)
        guarded.page.on("pageerror", lambda error: guarded.errors.append(str(error)))
        return guarded

    def _route(self, route: Route) -> None:
        if route.request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            route.continue_()
        else:
            self.foreign.append(route.request.url)
            route.abort()


class Notebook:
    """One notebook, open in JupyterLab with a live kernel. Cells are addressed by their index."""

    def __init__(self, guarded: GuardedPage, server: LabServer, cells: Sequence[str]) -> None:
        self.page = guarded.page
        self.errors = guarded.errors
        self.name = server.write_notebook(cells)
        self._url = server.url

    def open(self) -> Self:
        """Open (or open again, as after a reload of the page) the notebook in a workspace of its own."""
        self.page.goto(f"{self._url}/lab/workspaces/{secrets.token_hex(4)}/tree/{self.name}")
        self.page.wait_for_function(KERNEL_IS_READY, arg=self.name, timeout=60_000)
        self.page.evaluate("() => { window.panel = jupyterapp.shell.currentWidget; window.runs = {}; }")
        return self

    # Cells

    def cell(self, index: int) -> Locator:
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def output(self, index: int) -> Locator:
        return self.cell(index).locator(".jp-OutputArea-output")

    def set_source(self, index: int, source: str) -> None:
        self.page.evaluate("([i, s]) => panel.content.widgets[i].model.sharedModel.setSource(s)", [index, source])

    def add_cell(self, source: str) -> int:
        """Append a code cell; return its index."""
        return self.page.evaluate(
            """(source) => {
                const shared = panel.content.model.sharedModel;
                shared.insertCell(shared.cells.length, {cell_type: 'code', source, metadata: {}});
                return shared.cells.length - 1;
            }""",
            source,
        )

    # Running

    def start_cell(self, index: int) -> None:
        """Run a cell and return at once."""
        self.page.evaluate(
            """(i) => {
                panel.content.deselectAll();
                panel.content.activeCellIndex = i;
                runs[i] = 'running';
                jupyterapp.commands.execute('notebook:run-cell').then(() => { runs[i] = 'ended'; });
            }""",
            index,
        )

    def is_running(self, index: int) -> bool:
        return self.page.evaluate("(i) => runs[i] === 'running'", index)

    def wait_cell(self, index: int, timeout: float = 30) -> None:
        self.page.wait_for_function("(i) => runs[i] !== 'running'", arg=index, timeout=timeout * 1000)

    def run_cell(self, index: int, timeout: float = 30) -> list[dict[str, Any]]:
        """Run a cell to its end; return its outputs, or fail with the error it raised."""
        self.start_cell(index)
        self.wait_cell(index, timeout)
        outputs = self.outputs(index)
        for output in outputs:
            assert output["output_type"] != "error", f"cell {index}: {output['ename']}: {output['evalue']}"
        return outputs

    def run(self, source: str, timeout: float = 30) -> list[dict[str, Any]]:
        """Append a cell and run it."""
        return self.run_cell(self.add_cell(source), timeout)

    def outputs(self, index: int) -> list[dict[str, Any]]:
        """The cell's outputs, as the notebook format has them."""
        return self.page.evaluate("(i) => panel.content.widgets[i].model.outputs.toJSON()", index)

    def text(self, index: int) -> str:
        """The cell's outputs as one text: streams, `text/plain`, and errors by name."""
        texts = []
        for output in self.outputs(index):
            match output["output_type"]:
                case "stream":
                    text = output["text"]
                case "error":
                    text = f"{output['ename']}: {output['evalue']}"
                case _:
                    text = output["data"].get("text/plain", "")
            texts.append("".join(text))
        return "".join(texts)

    # The notebook and its kernel

    def interrupt(self) -> None:
        """Do what the stop button does."""
        self.page.evaluate("() => jupyterapp.commands.execute('notebook:interrupt-kernel')")

    def restart(self) -> None:
        """Restart the kernel, unasked, and wait until it is ready."""
        self.page.evaluate("() => panel.sessionContext.session.kernel.restart()")
        self.page.wait_for_function(KERNEL_IS_READY, arg=self.name, timeout=30_000)

    def reset(self, cells: Sequence[str]) -> Self:
        """Same page, light theme, fresh kernel, new cells: one second where `open` takes four."""
        self.page.evaluate(
            """(cells) => {
                const shared = panel.content.model.sharedModel;
                shared.transact(() => {
                    shared.deleteCellRange(0, shared.cells.length);
                    shared.insertCells(0, cells.map((source) => ({cell_type: 'code', source, metadata: {}})));
                });
                window.runs = {};
            }""",
            list(cells),
        )
        self.errors.clear()
        self.theme(LIGHT)
        self.restart()
        return self

    def save(self) -> None:
        self.page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")

    def close(self) -> None:
        """Shut the kernel down, and give the theme back: the server remembers it for the next page."""
        self.theme(LIGHT)
        self.page.evaluate("() => panel.sessionContext.shutdown()")

    # Looks

    def theme(self, name: str) -> None:
        """Switch to `LIGHT` or `DARK`."""
        self.page.evaluate("(theme) => jupyterapp.commands.execute('apputils:change-theme', {theme})", name)
        self.page.wait_for_function("(theme) => document.body.dataset.jpThemeName === theme", arg=name)
        self.page.locator("#jupyterlab-splash").wait_for(state="detached")

    def screenshot(self, name: str, of: Locator | None = None) -> Path:
        """Save the page, or one part of it, as `build/screenshots/NAME.png`."""
        path = SCREENSHOTS / f"{name}.png"
        (of or self.page).screenshot(path=path)
        return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
