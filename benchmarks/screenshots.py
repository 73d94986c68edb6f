"""Makes the pictures of an HTML report that README and docs/reports.md show.

    pytest --quant fixtures --quant-report report.html
    python -m benchmarks.screenshots report.html

It takes Chromium and Playwright. Look at what it wrote: no test does.
"""

from __future__ import annotations

import argparse
import io
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Page

IMAGES = Path(__file__).parents[1] / "docs" / "images"
WIDTH_PX = 1340
MODEL_WIDTH_PX = 1180
SHOWN_WIDTH_PX = 1100
COLORS = 256
"""A page has few colours, and a picture in a repository is to be small."""


def main() -> None:
    """Write ``report.png`` and ``pictures.png``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path, metavar="REPORT.html", help="The report of a run on fixtures/")
    parser.add_argument("--model", default="textsnake", help="Whose section pictures.png shows (default: textsnake)")
    parser.add_argument("--to", type=Path, default=IMAGES, metavar="DIR", help="Where the pictures go")
    args = parser.parse_args()
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        parser.error("neither chromium nor google-chrome is installed")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": WIDTH_PX, "height": 1000}, color_scheme="light")
        page.goto(args.report.resolve().as_uri())
        _write(_top(page), args.to / "report.png")
        _write(_model(page, args.model), args.to / "pictures.png")
        browser.close()


def _top(page: Page) -> bytes:
    """Everything down to the end of the forest plot."""
    box = page.locator("section", has=page.locator("#forest")).bounding_box()
    height = 0.0 if box is None else box["y"] + box["height"]
    return page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": WIDTH_PX, "height": height + 8})


def _model(page: Page, name: str) -> bytes:
    page.set_viewport_size({"width": MODEL_WIDTH_PX, "height": 1000})
    section = page.locator(f'[id="model-{name}"]')
    section.evaluate("(one) => { one.open = true; }")
    section.locator("img").first.wait_for()
    return section.screenshot()


def _write(png: bytes, path: Path) -> None:
    image = Image.open(io.BytesIO(png)).convert("RGB")
    height = round(image.height * SHOWN_WIDTH_PX / image.width)
    small = image.resize((SHOWN_WIDTH_PX, height), Image.Resampling.LANCZOS)
    small.quantize(COLORS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}: {SHOWN_WIDTH_PX}x{height}, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
