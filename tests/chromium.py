"""Debian's Chromium, for the tests of pages, and for pictures of them.

python tests/chromium.py install                         Debian's package, if it is missing; as root
python tests/chromium.py pictures results/explorer.html  docs/explorer.png and explorer_390.png, of config/digits.yaml
python tests/chromium.py pictures results/summary.html   docs/summary.png and summary_390.png, of the demonstration
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
PICTURES = {"": (1400, 1330), "_390": (390, 1450)}
"""Of a page, by the end of their name: width and height in pixels."""
STATE = "#experiment=digits&colour=differential_entropy&sigma_b2=0.05&sigma_w2=1&depth=20&score=differential_entropy"


def program() -> str | None:
    """Where it is; None if it is not installed."""
    return shutil.which("chromium")


def install() -> None:
    """Install Debian's package, if the program is missing."""
    if program():
        return
    apt = ["apt-get", "--quiet", "--quiet", "-o", "DPkg::Lock::Timeout=600"]  # others may install at the same time
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*apt, "update"], check=True, env=environment)
    subprocess.run([*apt, "install", "--yes", "--no-install-recommends", "chromium"], check=True, env=environment)


def take_pictures(page: str | Path, docs: str | Path = DOCS) -> None:
    """Pictures of the explorer, or of the summary.

    Raises:
        RuntimeError: the page complained, or is wider than its window.
    """
    from playwright.sync_api import sync_playwright

    page, wrong = Path(page), []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program(), args=["--no-sandbox"])
        for end, (width, height) in PICTURES.items():
            window = browser.new_page(viewport={"width": width, "height": height})
            window.on("console", lambda message: wrong.append(message.text))
            window.on("pageerror", lambda error: wrong.append(str(error)))
            window.goto(page.resolve().as_uri() + (STATE if page.stem == "explorer" else ""))
            window.wait_for_timeout(3000)
            if window.evaluate("document.documentElement.scrollWidth") > width:
                wrong.append(f"wider than {width} pixels")
            window.screenshot(path=Path(docs) / f"{page.stem}{end}.png")
        browser.close()
    if wrong:
        raise RuntimeError(f"{page}: {'; '.join(wrong)}")


if __name__ == "__main__":
    if sys.argv[1:] == ["install"]:
        install()
    elif len(sys.argv) == 3 and sys.argv[1] == "pictures":
        take_pictures(sys.argv[2])
    else:
        sys.exit(f"usage: {sys.argv[0]} install, or {sys.argv[0]} pictures results/explorer.html or summary.html")
