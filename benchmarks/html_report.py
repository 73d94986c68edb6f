"""How large an HTML report of many models is, how long it takes to write, and to open in Chromium.

    python benchmarks/html_report.py [MODELS] [FOLDER]

Every model has 24 photograph-like pictures with boxes, two curves, a diagnosis of 60 layers, and every tenth is broken.
Opening is measured by Playwright, which must be installed: from the address to the load event and a painted frame.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from pytest_quant.report.data import build_report
from pytest_quant.report.html.write import write_html
from pytest_quant.report.model import (
    Case,
    DiagnosisEntry,
    FileEntry,
    FlipsEntry,
    LayerEntry,
    LayerOutputEntry,
    LayerSqnrEntry,
    MetricEntry,
    ModelEntry,
    SamplesEntry,
    SqnrEntry,
    TimingEntry,
)
from pytest_quant.report.model.illustration import CurveEntry, IllustratedReport, IllustrationEntry, PictureEntry
from pytest_quant.report.pictures.thumbnail import scaled, thumbnail
from pytest_quant.tasks.drawing import Drawing, box

PICTURES, LAYERS = 24, 60


def photograph(rng: np.random.Generator) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """An image with the spectrum of a photograph: amplitudes fall with the frequency."""
    height, width = 480, 640
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
    frequency[0, 0] = 1
    spectrum = np.fft.fft2(rng.normal(size=(3, height, width))) / frequency**1.2
    pixels = np.fft.ifft2(spectrum).real
    pixels = 127 + 50 * (pixels - pixels.mean()) / pixels.std()
    return np.ascontiguousarray(pixels.clip(0, 255).astype(np.uint8).transpose(1, 2, 0))


def pictures(rng: np.random.Generator) -> list[PictureEntry]:
    """Pictures with ten boxes on each side."""
    found = []
    for number in range(PICTURES):
        small = thumbnail(photograph(rng))
        boxes = tuple(box(x, y, x + 60, y + 40, f"thing {x:.2f}") for x, y in rng.integers(0, 400, (10, 2)).tolist())
        drawn = scaled(Drawing("10 objects", boxes), small.scale)
        found.append(
            PictureEntry(
                sample=f"images/{number:06d}.jpg", change="lost", image=small.webp,
                width=small.width_px, height=small.height_px, truth=drawn, fp32=drawn, int8=drawn,
            )
        )  # fmt: skip
    return found


def diagnosis(rng: np.random.Generator) -> DiagnosisEntry:
    """Layers of a net of usual size."""
    layers = []
    for number, sqnr_db in enumerate(rng.uniform(5, 50, LAYERS).tolist()):
        likeness = LayerSqnrEntry(sqnr_db=sqnr_db, cosine=0.99)
        layers.append(
            LayerEntry(
                layer=f"conv_{number}", type="Convolution", blob=f"b{number}", quantized=number % 3 > 0, macs=10**6,
                own=likeness, accumulated=likeness, output=LayerOutputEntry(sqnr_db=sqnr_db, share=0.1),
            )
        )  # fmt: skip
    worst = tuple(layer.layer for layer in layers if layer.quantized)
    whole = SqnrEntry(sqnr_db=9.0)
    return DiagnosisEntry(
        samples=("a",), output_samples=1, seed=0, output=whole, worst=worst, unmatched=(), layers=tuple(layers)
    )


def model(rng: np.random.Generator, drop: float) -> ModelEntry:
    """A classifier."""
    ci = (drop - 0.4, drop + 0.4)
    return ModelEntry(
        zoo="zoo.quant.yaml", task="classification", dataset="imagenet",
        files={name: FileEntry(path=f"models/{name}", sha256="0" * 64) for name in ("fp32.param", "int8.param")},
        samples=SamplesEntry(evaluated=50000, total=50000, seed=0, sha256="0" * 64, stopped_early=False),
        metrics={"top1": MetricEntry(unit="%", higher_is_better=True, fp32=76.0, int8=76.0 - drop, drop=drop, ci=ci,
                                     ci_level=0.9, method="", published={})},
        flips=FlipsEntry(only_fp32_right=500, only_int8_right=400, agreement=97.0),
        conditions={"runtime": "reference", "resize_backend": "opencv"},
        timing=TimingEntry(seconds=1.0, images_per_second={}, cached={}), diagnosis=diagnosis(rng),
    )  # fmt: skip


def report(count: int) -> IllustratedReport:
    """A report of so many models."""
    rng = np.random.default_rng(0)
    shown, recalls = pictures(rng), np.linspace(0, 1, 101).tolist()
    line = tuple((recall, 1 - recall**2) for recall in recalls)
    curves = tuple(
        CurveEntry(title=title, x="recall", y="precision", lines={"fp32": line, "int8": line})
        for title in ("Precision and recall, IoU 0.50", "Precision and recall, mean")
    )
    models, cases, drawn = {}, [], []
    for number in range(count):
        name, is_broken = f"model-{number:03d}", number % 10 == 0
        models[name] = model(rng, 3.0 if is_broken else 0.2)
        cases.append(
            Case(
                id=f"zoo.quant.yaml::{name}::top1", model=name, metric="top1", kind="tolerance", limit=1.0,
                value=models[name].metrics["top1"].drop, verdict="fail" if is_broken else "pass",
                outcome="failed" if is_broken else "passed", reason="drop = 76.00 - 75.80 = 0.20 points", seconds=0.0,
            )
        )  # fmt: skip
        drawn.append(IllustrationEntry(model=name, pictures=tuple(shown), curves=curves))
    plain = build_report(models, cases, started="2026-01-01T00:00:00+00:00", options={})
    return IllustratedReport.of(plain, drawn)


def open_s(path: Path) -> float:
    """Seconds until Chromium has loaded and painted a page."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    painted = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        start = time.perf_counter()
        page.goto(path.as_uri())
        page.evaluate(painted)
        found = time.perf_counter() - start
        browser.close()
    return found


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    path = Path(sys.argv[2] if len(sys.argv) > 2 else mkdtemp()) / "report.html"
    made = report(count)
    start, cpu_start = time.perf_counter(), time.process_time()
    write_html(made, path)
    print(f"{count} models, {PICTURES} pictures each: {path.stat().st_size / 1e6:.1f} MB, written in", end=" ")
    print(f"{time.perf_counter() - start:.1f} s ({time.process_time() - cpu_start:.1f} s of CPU)", flush=True)
    print(f"opened in {min(open_s(path) for _ in range(3)):.2f} s: {path}")


if __name__ == "__main__":
    main()
