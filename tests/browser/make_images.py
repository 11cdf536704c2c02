"""Makes the pictures of the documentation from the real thing: `make images`. No test."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

from labkit import CHROMIUM_ARGS, GuardedPage, LabServer, Notebook, find_chromium
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
MODEL_TIME = 180  # seconds that one run of the embedded model may take


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = LabServer(Path(folder) / "root").start()
        try:
            shutil.copytree(ROOT / "notebooks" / "texts", server.root / "texts")
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGS)
                quickstart(GuardedPage.of(browser), server)
                browser.close()
        finally:
            server.stop()


def quickstart(guarded: GuardedPage, server: LabServer) -> None:
    document = json.loads((ROOT / "notebooks" / "quickstart.ipynb").read_text(encoding="utf-8"))
    code = ["".join(cell["source"]) for cell in document["cells"] if cell["cell_type"] == "code"]
    lab = Notebook(guarded, server, code).open()
    lab.page.evaluate("() => jupyterapp.commands.execute('application:toggle-left-area')")
    run = next(index for index, source in enumerate(code) if "%graphbit run" in source)
    for index in range(run + 1):
        lab.run_cell(index, timeout=MODEL_TIME)
    lab.page.set_viewport_size({"width": 1180, "height": 1700})
    lab.output(run).locator("details").last.locator("summary").click()
    lab.cell(run).screenshot(path=IMAGES / "quickstart.png")
    lab.close()


if __name__ == "__main__":
    sys.exit(main())
