"""The first page, and the documents' pictures of the explorer, in a real Chromium."""

import pytest
from PIL import Image
from playwright.sync_api import sync_playwright

from chromium import PICTURES, program, take_pictures
from infoflow.studies.summary.findings import failing
from infoflow.studies.summary.page import WIDTH, write_page
from made_up_explorer import make_page
from made_up_summary import claims, drawn

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [1400, 390])
def test_the_first_page_fits_into_its_window(tmp_path, width):
    """Pictures are as wide as is readable and can be moved; claims are whole; nothing complains or asks the net."""
    figures = [drawn(tmp_path, "digits", "map", (WIDTH, WIDTH // 2))]
    path = tmp_path / "summary.html"
    path.write_text(write_page("a run", [], *failing(claims()), figures, {}), encoding="utf-8")
    wrong = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda asked: wrong.append(asked.url) if asked.url.startswith("http") else None)
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        boxes = [cell.bounding_box() for cell in page.locator("td").all()]
        assert boxes
        assert all(box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)
        assert page.locator("figure img").bounding_box()["width"] >= 44 * 16 - 1
        page.fill("#search", "no such word")
        assert page.locator("#found").inner_text() == "0 of 1 figures"
        browser.close()
    assert wrong == []


def test_pictures_of_the_explorer_are_taken(tmp_path):
    page, _ = make_page(tmp_path)
    take_pictures(page, tmp_path)
    for end, size in PICTURES.items():
        with Image.open(tmp_path / f"{page.stem}{end}.png") as picture:
            assert picture.size == size
            assert len(picture.convert("RGB").getcolors(1 << 24)) > 50
