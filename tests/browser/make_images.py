"""Makes the pictures of the documentation from the real thing: `make images`. No test."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

from labkit import CHROMIUM_ARGS, DARK, LIGHT, GuardedPage, LabServer, Notebook, find_chromium
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
MODEL_TIME = 180  # seconds that one run of the embedded model may take

# A review of incidents that answers from a script: every state is there when it is needed.
SCRIPT = """
%load_ext graphbit_nb
import asyncio
import graphbit_nb as gb

async def slowly(request):
    await asyncio.sleep(1.5 + 0.4 * request.node.count("["))
    return f"In {request.node.partition('[')[0]}: the queue's disk was full, so that orders waited for an hour. " * 4

calls = []

async def limited(request):
    calls.append(request)
    if len(calls) % 3:
        raise gb.RateLimitError("acme answered 429: too many requests", provider="acme", status=429, retry_after=6.0)
    return "nothing else was wrong"

def refuse(request):
    raise gb.BadRequestError("acme answered 400: no such field", provider="acme", status=400)

events = '["queue full", "late restart", "wrong alarm", "lost order", "slow disk", "old key"]'
script = gb.LlmConfig.scripted({"timeline": events, "second_look": limited, "translate": refuse, "*": slowly})
%graphbit config --config script
report = "On Tuesday the queue was full ..."
"""
REVIEW = (
    "%%graphbit prompt timeline --output list[text]\nList what happened, in order:\n{{ report }}",
    "%%graphbit prompt causes --for-each 'event in timeline'\nWhy did this happen: {{ event }}?",
    "%%graphbit prompt second_look\nWhat else was wrong? {{ timeline }}",
    "%%graphbit prompt translate\nIn German: {{ timeline }}",
    "%%graphbit prompt review\nWrite the review.\n{{ causes }}\n{{ second_look }}",
    "%%graphbit human approve --output 'yes|no'\nMay this be sent?\n{{ review }}",
)
MANY = """
builder = gb.WorkflowBuilder("two hundred")
for number in range(200):
    before = " ".join(f"{{{{ n{other} }}}}" for other in {number // 3, max(0, number - 12)} if other < number)
    builder.add_node(gb.Node.prompt(f"n{number}", f"Say it. {before}"))
gb.WorkflowExecutor(gb.LlmConfig.scripted({"*": "said"})).execute(builder.build())
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = LabServer(Path(folder) / "root").start()
        try:
            shutil.copytree(ROOT / "notebooks" / "texts", server.root / "texts")
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGS)
                quickstart(GuardedPage.of(browser), server)
                review(GuardedPage.of(browser), server)
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


def review(guarded: GuardedPage, server: LabServer) -> None:
    """The live view as it grows, runs, has failed, is looked into, in both themes; and a large one."""
    lab = Notebook(guarded, server, [SCRIPT, REVIEW[0], "%graphbit show"]).open()
    lab.page.evaluate("() => jupyterapp.commands.execute('application:toggle-left-area')")
    lab.page.set_viewport_size({"width": 1180, "height": 1500})
    for index in range(3):
        lab.run_cell(index)
    view = lab.output(2).locator(".gb-live")
    for cell in REVIEW[1:]:
        lab.run(cell)
    view.locator('g.gb-node[data-id="approve"]').wait_for()
    lab.page.wait_for_timeout(400)
    view.screenshot(path=IMAGES / "growing.png")
    run = lab.add_cell("r = %graphbit run --max-concurrency 3")
    lab.start_cell(run)
    view.locator('g.gb-node[data-id="second_look"][data-state="retrying"]').wait_for()
    lab.page.wait_for_timeout(2500)  # some of the items are done, the others work
    for theme, name in ((LIGHT, "running"), (DARK, "running-dark")):
        lab.theme(theme)
        view.screenshot(path=IMAGES / f"{name}.png")
    lab.wait_cell(run, timeout=60)
    for theme, name in ((DARK, "inspector-dark"), (LIGHT, "inspector")):
        lab.theme(theme)
        view.locator('g.gb-node[data-id="second_look"]').click()
        view.get_by_role("tab", name="Attempts").click()
        lab.page.wait_for_timeout(600)
        view.screenshot(path=IMAGES / f"{name}.png")
    view.locator('g.gb-node[data-id="translate"]').click()
    view.get_by_role("tab", name="Answer").click()
    lab.page.wait_for_timeout(600)
    view.screenshot(path=IMAGES / "failed.png")
    many = lab.add_cell(MANY)
    lab.run_cell(many, timeout=120)
    lab.page.wait_for_timeout(1500)
    lab.output(many).locator(".gb-live").screenshot(path=IMAGES / "two-hundred.png")
    lab.close()


if __name__ == "__main__":
    sys.exit(main())
