"""What real recognizers score on 400 words of ICDAR2015: every metric of fp32 and of their int8 files.

    python -m benchmarks.recognition ../shared

The folder holds ``models/`` and ``data/``. Takes some minutes.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_quant.building.workbench import open_workbench
from pytest_quant.datasets.words import TextLinesOptions
from pytest_quant.evaluation.cores import available_cores
from pytest_quant.nets.ncnn.net_files import NcnnFiles
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import InputSpec
from pytest_quant.tasks.text_recognition.options import PostprocessOptions, PreprocessOptions

PADDLE: dict[str, Any] = {"resize": {"height": 32, "max_width": 320}, "pad": {"to": 320, "value": 0}}
EASY: dict[str, Any] = {
    "resize": {"height": 64, "max_width": 320, "interpolation": "cubic"},
    "pad": {"to": 320, "value": "edge"},
}


def models(shared: Path) -> Iterator[ModelSpec]:
    folder, data, zoo = shared / "models", shared / "data" / "icdar2015-words", shared / "zoo.quant.yaml"
    options = TextLinesOptions(images=data / "test", annotations=data / "Challenge4_Test_Task3_GT.txt")
    dataset = DatasetSpec("words", "text-lines", options, zoo)
    for place, stem, int8, size, color, blobs, before, keys, add_blank in (
        ("ppocr_rec-v2.0", "ppocr_rec_v2", "ppocr_rec_v2-int8", (320, 32), "bgr", ("input", "out"), PADDLE,
         "paddleocr_keys.txt", True),
        ("ppocr_rec-v2.0", "ppocr_rec_v2", "ppocr_rec_v2-mixed-int8", (320, 32), "bgr", ("input", "out"), PADDLE,
         "paddleocr_keys.txt", True),
        ("english_g2", "english_g2", "english_g2-int8", (320, 64), "gray", ("in0", "out0"), EASY, "keys.txt", False),
    ):  # fmt: skip
        channels = 1 if color == "gray" else 3
        half = (127.5,) * channels
        yield ModelSpec(
            name=int8,
            zoo=zoo,
            task="text-recognition",
            dataset=dataset,
            nets={
                side: NcnnFiles(param=folder / place / f"{name}.param", bin=folder / place / f"{name}.bin").net()
                for side, name in (("fp32", stem), ("int8", int8))
            },
            input=InputSpec(blobs[0], size, "gray" if color == "gray" else "bgr", half, half),
            outputs=(blobs[1],),
            preprocess=PreprocessOptions.model_validate(before),
            postprocess=PostprocessOptions(keys=folder / place / keys, add_blank_character=add_blank),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="Real recognizers on 400 words.")
    parser.add_argument("shared", type=Path, help="folder that holds models/ and data/")
    shared = parser.parse_args().shared.resolve()
    with tempfile.TemporaryDirectory() as folder:
        bench = open_workbench(Path(folder), cores=available_cores())
        for model in models(shared):
            measured = bench.measure(model)
            print(f"{model.name}: {measured.evaluated} words")
            for name, pair in measured.comparison.metrics.items():
                print(f"  {name:28} {pair.fp32:.4f} -> {pair.int8:.4f}")
            flips = measured.comparison.flips
            print(
                f"  same text {flips.agreement_pct:.2f} %, right only in fp32 {flips.only_fp32_right}, only in int8 "
                f"{flips.only_int8_right}",
                flush=True,
            )


if __name__ == "__main__":
    main()
