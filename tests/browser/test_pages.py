"""Every page in a real browser: quiet, reachable by keyboard, readable on any width, printable."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

_spec = importlib.util.spec_from_file_location("printed", Path(__file__).with_name("printed.py"))
printed = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(printed)

FOCUSED = "document.activeElement.getAttribute('href') || document.activeElement.id"
OVERFLOW = "document.documentElement.scrollWidth - window.innerWidth"


def reports(pages: dict[str, Path]) -> dict[str, Path]:
    return {name: path for name, path in pages.items() if path.parent.name == "reports"}


def tab_to(page, wanted: str) -> None:
    """Press Tab until the wanted link or button has the focus."""
    for _ in range(400):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED) == wanted:
            return
    pytest.fail(f"the keyboard does not reach {wanted}")


def test_every_page_loads_without_an_error_or_a_request_to_elsewhere(pages, opened):
    assert len(reports(pages)) >= 8
    trouble = {name: opened(path).trouble for name, path in pages.items()}
    assert {name: found for name, found in trouble.items() if found} == {}


def test_the_contents_lead_to_their_sections_by_mouse_and_by_keyboard(pages, opened):
    for path in reports(pages).values():
        page = opened(path)
        links = page.locator("nav.contents a")
        targets = [links.nth(i).get_attribute("href") for i in range(links.count())]
        assert len(targets) >= 3
        for target in targets:
            assert page.locator(f"[id='{target[1:]}']").count() == 1, (path.name, target)
        links.nth(1).click()
        assert page.evaluate("location.hash") == targets[1]
        page.reload()
        tab_to(page, targets[2])
        page.keyboard.press("Enter")
        assert page.evaluate("location.hash") == targets[2]
        top = page.locator(f"[id='{targets[2][1:]}']").bounding_box()["y"]
        assert -2 <= top < 900


@pytest.mark.parametrize("key", ["mouse", "Enter", "Space"])
def test_the_code_opens_and_closes_by_mouse_and_by_keyboard(pages, opened, key):
    page = opened(pages["segments"])
    code = page.locator("details.code")
    assert code.count() > 3

    def press() -> None:
        if key == "mouse":
            page.locator("#code-toggle").click()
        else:
            page.keyboard.press(key)

    if key != "mouse":
        tab_to(page, "code-toggle")
    for state in (True, False):
        press()
        opened_now = code.evaluate_all("all => all.map(d => d.open)")
        assert set(opened_now) == {state}
        assert page.locator("#code-toggle").get_attribute("aria-expanded") == str(state).lower()


def test_one_piece_of_code_opens_by_keyboard_alone(pages, opened):
    page = opened(pages["segments"])
    page.locator("details.code summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("details.code").first.evaluate("d => d.open")


def test_axe_finds_no_serious_obstacle(pages, opened, axe):
    found = {}
    for name, path in pages.items():
        page = opened(path)
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        page.evaluate(axe)
        result = page.evaluate("axe.run(document, {iframes: false})")
        serious = [
            (v["id"], v["nodes"][0]["html"][:200])
            for v in result["violations"]
            if v["impact"] in ("serious", "critical")
        ]
        found.update({name: serious} if serious else {})
    assert found == {}


@pytest.mark.parametrize("width", [360, 1440])
def test_no_page_is_wider_than_the_window(pages, opened, width):
    wide = {n: opened(p, width).evaluate(OVERFLOW) for n, p in pages.items()}
    assert {name: pixels for name, pixels in wide.items() if pixels > 0} == {}


@pytest.mark.parametrize("width", [360, 1440])
def test_text_is_large_enough_to_read(pages, opened, width):
    sizes = """Array.from(document.querySelectorAll('p, li, td, th, h1, h2, a, button, summary'))
        .filter(e => e.offsetParent !== null)
        .map(e => parseFloat(getComputedStyle(e).fontSize))"""
    for path in pages.values():
        assert min(opened(path, width).evaluate(sizes)) >= 12


def test_figures_stay_whole_in_print(pages, opened):
    seen = 0
    for path in reports(pages).values():
        page = opened(path)
        figures = page.locator("img").count()
        drawn = printed.drawings(page.pdf(prefer_css_page_size=True))
        assert len(drawn) <= figures
        cut = {number: times for number, times in drawn.items() if times > 1}
        assert len(cut) == 0 or sum(drawn.values()) == figures, (path.name, cut)
        seen += figures
    assert seen >= 8


def test_a_figure_that_is_cut_would_be_noticed(opened, pages, tmp_path):
    source = pages["segments"].read_text(encoding="utf-8")
    picture = source[source.index("<img ") : source.index(">", source.index("<img ")) + 1]
    style = "<style>img { break-inside: auto; height: 1800px; width: 300px; }</style>"
    page = tmp_path / "cut.html"
    page.write_text(f"<!DOCTYPE html>{style}<p>before</p>{picture}", encoding="utf-8")
    assert max(printed.drawings(opened(page).pdf()).values()) > 1


def test_the_summary_is_one_printed_page(pages, opened):
    pdf = opened(pages["summary"]).pdf(prefer_css_page_size=True)
    assert printed.page_count(pdf) == 1


def test_a_report_shows_who_signed_its_run(pages, opened):
    page = opened(pages["segments"])
    inside = next(frame for frame in page.frames if frame.url.endswith("signoff.html"))
    assert inside.locator("p").first.inner_text().strip()


def test_every_figure_is_described(pages, opened):
    for path in reports(pages).values():
        texts = opened(path).locator("img").evaluate_all("all => all.map(i => i.alt)")
        assert all(len(text) > 10 and "without description" not in text for text in texts)
