"""A real int8 failure and its repair: PP-OCRv5's text detector on ICDAR2015, as README tells it.

    python -m benchmarks.rescue ../shared [--out FOLDER]

The folder holds ``models/ppocr_det-icdar`` and ``data/icdar2015``. Ten training images with ground truth are searched
on, a hundred test images are evaluated. Prints what ``pytest --quant --quant-rescue`` prints; takes minutes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from benchmarks.layer_diagnosis import zoo_content


def zoo_of(shared: Path) -> dict[str, Any]:
    """The zoo file: PaddleOCR's settings for inference at 960 pixels, a drop of 0.02 allowed."""
    content = zoo_content(shared)
    train = shared / "data" / "icdar2015" / "train"
    datasets = {
        "icdar2015": content["datasets"]["icdar2015"],
        "icdar2015-train": {
            "type": "icdar2015",
            "images": str(train / "train_images"),
            "annotations": str(train / "train_gts"),
        },
    }
    model = {
        **content["models"]["ppocr"],
        "rescue": {"dataset": "icdar2015-train"},
        "preprocess": {"resize": {"long_side": 960}, "pad_divisor": 32},
        "metric": {},
    }
    return {"version": 1, "datasets": datasets, "models": {"ppocr-det": model}}


def main() -> int:
    parser = argparse.ArgumentParser(description="Repair the real int8 failure of ../shared.")
    parser.add_argument("shared", type=Path, help="folder that holds models/ and data/")
    parser.add_argument("--out", type=Path, help="where the reports and the repaired net stay (default: nowhere)")
    args = parser.parse_args()
    with TemporaryDirectory() as scratch:
        folder = (args.out or Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "real.quant.yaml").write_text(yaml.safe_dump(zoo_of(args.shared.resolve()), sort_keys=False))
        reports = ("--quant-report", "quant.json", "--quant-report", "quant.md")
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--quant", "--quant-rescue", *reports]
        return subprocess.run([*command, "real.quant.yaml"], cwd=folder, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
