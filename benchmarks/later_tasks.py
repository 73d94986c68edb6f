"""What real detectors, a segmenter and recognizers score, beside numbers measured without pytest-quant.

    python -m benchmarks.later_tasks ../shared [--out FOLDER] [ARGS FOR PYTEST]

The folder holds ``models/`` and ``data/``. Runs ``pytest --quant`` on a zoo file with a published value for every
metric of every int8 file; takes some minutes. Int8 files that are known to be bad fail their tolerance.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

Content = dict[str, Any]

DETECTION = ("mAP", "mAP50", "mAP75", "mAPS", "mAPM", "mAPL")
SEGMENTATION = ("aAcc", "mAcc", "mIoU")
WORDS = ("word_acc", "word_acc_ignore_case", "word_acc_ignore_case_symbol", "one_minus_ned", "cer")
WITHIN = {DETECTION: 0.002, SEGMENTATION: 0.02, WORDS: 1 / 400}
"""One word of the 400; where a processor rounds otherwise, a detection or a pixel more or less is right."""
FLOAT_BETWEEN = 0.004
"""Of YOLOX-nano with float layers between int8 ones: float sums in another order move values over the edge of a step of
the next int8 layer. A loop of twenty lines over ncnn gave 0.2777 with packed layouts and 0.2815 without on one machine,
0.2774 and 0.2812 with the normalization as a product, and 0.2808 in both cases on another."""
BAD = ("yolox_nano", "espnet", "ppocr_rec_v2")
"""Models whose int8 file is known to be bad."""

YOLOX = (0.2849, 0.4561, 0.2839, 0.1199, 0.3126, 0.4933)
ESPNET = (86.038, 69.286, 57.852)
PPOCR = (0.5750, 0.6025, 0.6075, 0.8289, 0.1905)
VALUES: dict[str, tuple[tuple[str, ...], Sequence[float], Sequence[float]]] = {
    "yolox_nano": (DETECTION, YOLOX, (0.2341,)),
    "yolox_nano-mixed": (DETECTION, YOLOX, (0.2808,)),
    "nanodet_plus_m": (DETECTION, (0.3481, 0.5128, 0.3674, 0.1620, 0.3869, 0.6254), (0.3522,)),
    "yolo_fastest_xl": (DETECTION, (0.1744, 0.3569, 0.1543, 0.0458, 0.1893, 0.3123), (0.1563,)),
    "espnet": (SEGMENTATION, ESPNET, (80.681, 52.495, 45.336)),
    "espnet-aciq": (SEGMENTATION, ESPNET, (86.194, 69.132, 57.756)),
    "ppocr_rec_v2": (WORDS, PPOCR, (0.1200, 0.1275, 0.1325)),
    "ppocr_rec_v2-mixed": (WORDS, PPOCR, (0.5375, 0.5475, 0.5550)),
    "english_g2": (WORDS, (0.3350, 0.3950, 0.4250, 0.7001, 0.3882), (0.3325, 0.3800, 0.4125, 0.6998, 0.3868)),
}
"""Of each model its metrics, what fp32 and what int8 scored, the latter as aarch64 computes it (no packed layouts where
there are int8 depthwise layers)."""


def zoo_of(shared: Path) -> Content:
    """Every model; those of one net differ in their int8 file."""
    datasets = _datasets(shared / "data")
    models = {
        "yolox_nano": _detector(shared, "yolox_nano", **_yolox()),
        "yolox_nano-mixed": _detector(shared, "yolox_nano", "-mixed", **_yolox()),
        "nanodet_plus_m": _detector(
            shared, "nanodet_plus_m", output="out0", postprocess={"decoder": "dfl"},
            input={"blob": "in0", "size": [416, 416], "color": "bgr", **_imagenet(backwards=True)},
        ),
        "yolo_fastest_xl": _detector(
            shared, "yolo_fastest_xl", output="output", postprocess={"decoder": "detection-output"},
            input={"blob": "data", "size": [320, 320], "std": [255.0] * 3},
        ),
        "espnet": _espnet(shared, ""),
        "espnet-aciq": _espnet(shared, "-aciq"),
        "ppocr_rec_v2": _ppocr(shared, ""),
        "ppocr_rec_v2-mixed": _ppocr(shared, "-mixed"),
        "english_g2": _english(shared),
    }  # fmt: skip
    for name, (metrics, *sides) in VALUES.items():
        within = FLOAT_BETWEEN if name == "yolox_nano-mixed" else WITHIN[metrics]
        models[name]["published"] = {
            side: {metric: {"value": value, "within": within} for metric, value in zip(metrics, values)}  # noqa: B905 (of int8 less was measured)
            for side, values in zip(("fp32", "int8"), sides, strict=True)
        }
    return {"version": 1, "datasets": datasets, "models": models}


def _datasets(data: Path) -> Content:
    coco, words = data / "coco-detection", data / "icdar2015-words"
    return {
        "coco": {
            "type": "coco-detection",
            "images": str(coco / "val2017"),
            "annotations": str(coco / "instances_val2017_subset.json"),
        },
        "camvid": {
            "type": "segmentation",
            "list": str(data / "camvid" / "test.txt"),
            "classes": str(data / "camvid" / "classes.txt"),
            "ignore_index": 11,
        },
        "words": {
            "type": "text-lines",
            "images": str(words / "test"),
            "annotations": str(words / "Challenge4_Test_Task3_GT.txt"),
        },
        "words-calibration": {
            "type": "text-lines",
            "images": str(words / "calibration"),
            "annotations": str(words / "calibration_gt.txt"),
        },
    }


def _files(folder: Path, name: str, way: str = "") -> Content:
    int8 = f"{name}{way}"
    return {
        "fp32": {"param": str(folder / f"{name}.param"), "bin": str(folder / f"{name}.bin")},
        "int8": {
            "param": str(folder / f"{int8}-int8.param"),
            "bin": str(folder / f"{int8}-int8.bin"),
            "table": str(folder / f"{int8}.table"),
        },
    }


def _imagenet(*, backwards: bool = False) -> Content:
    step = -1 if backwards else 1
    return {"mean": [123.675, 116.28, 103.53][::step], "std": [58.395, 57.12, 57.375][::step]}


def _yolox() -> Content:
    return {
        "input": {"blob": "images", "size": [416, 416], **_imagenet()},
        "output": "output",
        "preprocess": {"resize": {"letterbox": [416, 416]}},
        "postprocess": {"decoder": "yolox"},
    }


def _detector(shared: Path, name: str, way: str = "", **keys: Any) -> Content:
    files = _files(shared / "models" / f"{name}-coco", name, way)
    rescue = {"images": str(shared / "data" / "coco-detection" / "calibration")}
    return {
        "task": "object-detection",
        "dataset": "coco",
        "tolerance": {"mAP": 0.01},
        **files,
        "rescue": rescue,
        **keys,
    }


def _espnet(shared: Path, way: str) -> Content:
    mean = [110.33134257760945, 108.40914603085218, 105.03352311261668]
    std = [255 * value for value in (72.12519707536828, 72.68854341844772, 69.90261427128347)]
    return {
        "task": "semantic-segmentation",
        "dataset": "camvid",
        "tolerance": {"mIoU": 1.0},
        **_files(shared / "models" / "espnet-camvid", "espnet", way),
        "input": {"blob": "in0", "size": [480, 360], "color": "bgr", "mean": mean, "std": std},
        "output": "out0",
        "rescue": {"images": str(shared / "data" / "camvid" / "calibration")},
    }


def _ppocr(shared: Path, way: str) -> Content:
    folder = shared / "models" / "ppocr_rec-v2.0"
    return {
        "task": "text-recognition",
        "dataset": "words",
        "tolerance": {"word_acc": 0.04},
        **_files(folder, "ppocr_rec_v2", way),
        "input": {"blob": "input", "size": [320, 32], "color": "bgr", "mean": [127.5] * 3, "std": [127.5] * 3},
        "output": "out",
        "preprocess": {"resize": {"height": 32, "max_width": 320}, "pad": {"to": 320, "value": 0}},
        "postprocess": {"keys": str(folder / "paddleocr_keys.txt"), "add_blank_character": True},
        "rescue": {"dataset": "words-calibration"},
    }


def _english(shared: Path) -> Content:
    folder = shared / "models" / "english_g2"
    return {
        "task": "text-recognition",
        "dataset": "words",
        "tolerance": {"word_acc": 0.04},
        **_files(folder, "english_g2"),
        "input": {"blob": "in0", "size": [320, 64], "color": "gray", "mean": [127.5], "std": [127.5]},
        "output": "out0",
        "preprocess": {
            "resize": {"height": 64, "max_width": 320, "interpolation": "cubic"},
            "pad": {"to": 320, "value": "edge"},
        },
        "postprocess": {"keys": str(folder / "keys.txt")},
        "rescue": {"dataset": "words-calibration"},
    }


def run(content: Content, out: Path | None, arguments: Sequence[str]) -> int:
    """``pytest --quant`` on a zoo file in ``out``, or in a folder that goes afterwards; the exit status."""
    with TemporaryDirectory() as scratch:
        folder = (out or Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "real.quant.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
        reports = ("--quant-report", "quant.json", "--quant-report", "quant.md")
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--quant", *reports, *arguments]
        return subprocess.run([*command, "real.quant.yaml"], cwd=folder, check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description="Real nets of the later tasks beside numbers measured elsewhere.")
    parser.add_argument("shared", type=Path, help="folder that holds models/ and data/")
    parser.add_argument("--out", type=Path, help="where the zoo file and the reports stay (default: nowhere)")
    args, extra = parser.parse_known_args()
    return run(zoo_of(args.shared.resolve()), args.out, extra)


if __name__ == "__main__":
    sys.exit(main())
