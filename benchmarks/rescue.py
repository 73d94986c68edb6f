"""Real int8 failures and their repair: PP-OCRv5's text detector on ICDAR2015 (docs/rescue.md), and three more nets.

    python -m benchmarks.rescue ../shared [--model yolox_nano] [--out FOLDER]

The folder holds ``models/`` and ``data/``. The text detector is searched on ten training images with ground truth,
YOLOX-nano and ESPNet on their calibration images, which have none, PP-OCR's recognizer on its calibration words; all
are evaluated on the test images. Prints what ``pytest --quant --quant-rescue`` prints; takes minutes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from benchmarks import later_tasks
from benchmarks.later_tasks import BAD
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
    parser = argparse.ArgumentParser(description="Repair a real int8 failure of ../shared.")
    parser.add_argument("shared", type=Path, help="folder that holds models/ and data/")
    parser.add_argument("--model", choices=("ppocr-det", *BAD), default="ppocr-det")
    parser.add_argument("--out", type=Path, help="where the reports and the repaired net stay (default: nowhere)")
    args = parser.parse_args()
    shared = args.shared.resolve()
    content = zoo_of(shared) if args.model == "ppocr-det" else later_tasks.zoo_of(shared)
    content["models"] = {args.model: content["models"][args.model]}
    return later_tasks.run(content, args.out, ("--quant-rescue",))


if __name__ == "__main__":
    sys.exit(main())
