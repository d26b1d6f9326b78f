"""A real Chromium on real pages; what is missing for that is told as the reason of the skip.

`make test-browser` brings it all: the driver, the accessibility engine, and a published run.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
AXE = PROJECT / ".venv-browser" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="session")
def site() -> Path:
    """Return the outputs folder of a workspace in which the demo shop has been run."""
    outputs = Path(os.environ.get("RETENTION_ROOT", PROJECT / "build" / "nbval")) / "outputs"
    if not (outputs / "demo" / "latest" / "manifest.json").is_file():
        pytest.skip("no published run to look at; `make test-browser` makes one")
    return outputs


@pytest.fixture(scope="session")
def pages(site: Path) -> dict[str, Path]:
    """Return every page of the site by its name: index, reports, summary, signatures."""
    run = (site / "demo" / "latest").resolve()
    found = {"index": site / "index.html", **{p.stem: p for p in sorted(run.glob("*.html"))}}
    return {**found, **{p.stem: p for p in sorted((run / "reports").glob("*.html"))}}


@pytest.fixture(scope="session")
def chromium():
    """Return a running headless Chromium, the one that Debian installs."""
    api = pytest.importorskip("playwright.sync_api", reason="`make test-browser` installs it")
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if program is None:
        pytest.skip("no chromium; apt-get install chromium")
    with api.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium):
    """Return a function that opens a page and notes errors and requests that leave it."""
    contexts = []

    def open_page(path: Path, width: int = 1440, height: int = 900):
        context = chromium.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        page = context.new_page()
        page.trouble = []
        page.on("console", lambda m: page.trouble.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: page.trouble.append(str(error)))
        page.on("request", lambda r: page.trouble.append(r.url) if _leaves(r.url) else None)
        page.on("requestfailed", lambda r: page.trouble.append(f"failed: {r.url}"))
        page.on("dialog", lambda d: (page.trouble.append(d.message), d.dismiss()))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """Return the source of axe-core, which looks for what shuts people out."""
    path = Path(os.environ.get("AXE_CORE", AXE))
    if not path.is_file():
        pytest.skip("no axe-core; `make test-browser` fetches it")
    return path.read_text(encoding="utf-8")


def _leaves(url: str) -> bool:
    """Tell whether a request goes beyond files and what the page holds itself."""
    return not url.startswith(("file:", "data:", "about:", "blob:"))
