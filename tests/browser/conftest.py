"""A real Chromium, and the pages on a gateway whose answers the tests decide."""

import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parent))
import canned
from fake_gateway import FakeGateway

# A page on a busy machine takes its time; what never comes is found out all the same.
expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The machine's Chromium, without a window."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.fail("no Chromium on this machine; make browser installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    """The pages, served with canned answers."""
    fake = FakeGateway()
    yield fake
    fake.close()


@pytest.fixture
def begun(gateway: FakeGateway) -> FakeGateway:
    """A gateway with a session in its second round."""
    gateway.tell(canned.session(gateway.now() - timedelta(seconds=720 + 313)))
    return gateway


@pytest.fixture
def open_page(chromium: Browser, gateway: FakeGateway) -> Iterator[Callable[..., Page]]:
    """``open_page("/wall/p/s", width=…, height=…, before=script, **context)``; fails on any error in the console."""
    contexts, errors = [], []

    def open_(path: str, width: int = 1366, height: int = 768, before: str = "", **context: object) -> Page:
        own = chromium.new_context(viewport={"width": width, "height": height}, **context)
        contexts.append(own)
        page = own.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: errors.append(line.text) if "Content Security Policy" in line.text else None)
        if before:
            page.add_init_script(before)
        page.goto(gateway.url + path)
        return page

    yield open_
    for own in contexts:
        own.close()
    assert not errors
