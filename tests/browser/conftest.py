"""Fixtures for tests in JupyterLab. Run them in a process of their own: playwright keeps an event loop in it."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from labkit import CHROMIUM_ARGS, SCREENSHOTS, GuardedPage, LabServer, Notebook, find_chromium

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from playwright.sync_api import Browser

    OpenNotebook = Callable[[Sequence[str]], Notebook]

BROWSER = find_chromium() if find_spec("playwright") else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if BROWSER:
        return
    if os.environ.get("CI") == "true":
        raise pytest.UsageError("browser tests need playwright and chromium; CI does not go without")
    for item in items:
        item.add_marker(pytest.mark.skip(reason="not run: no browser"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Save what the page showed when a test failed."""
    report = yield
    if report.when == "call" and report.failed and isinstance(item, pytest.Function):
        for fixture in {"lab_page", "warm_page"} & item.funcargs.keys():
            item.funcargs[fixture].page.screenshot(path=SCREENSHOTS / f"failed-{item.name}.png")
    return report


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    server = LabServer(tmp_path_factory.mktemp("lab") / "root")
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=CHROMIUM_ARGS)
        yield browser
        browser.close()


@pytest.fixture
def lab_page(chromium: Browser) -> Iterator[GuardedPage]:
    """A new page; the test fails if the page asks anything of another machine."""
    guarded = GuardedPage.of(chromium)
    yield guarded
    guarded.page.context.close()
    assert not guarded.foreign, "requests to other machines"


@pytest.fixture
def notebook(lab_server: LabServer, lab_page: GuardedPage) -> Iterator[OpenNotebook]:
    """`notebook(["cell 0", "cell 1"])`: a `Notebook` in a page of its own. Four seconds."""
    opened = []

    def open_notebook(cells: Sequence[str]) -> Notebook:
        opened.append(Notebook(lab_page, lab_server, cells).open())
        return opened[-1]

    yield open_notebook
    if opened:
        opened[-1].close()


@pytest.fixture(scope="session")
def warm_page(chromium: Browser) -> Iterator[GuardedPage]:
    guarded = GuardedPage.of(chromium)
    yield guarded
    guarded.page.context.close()


@pytest.fixture(scope="session")
def warm(lab_server: LabServer, warm_page: GuardedPage) -> Notebook:
    return Notebook(warm_page, lab_server, [""]).open()


@pytest.fixture
def warm_notebook(warm: Notebook, warm_page: GuardedPage) -> Iterator[OpenNotebook]:
    """Like `notebook`, in one page for the whole session, with a fresh kernel for each test. One second."""
    yield warm.reset
    assert not warm_page.foreign, "requests to other machines"
