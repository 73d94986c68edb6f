"""The work for one recognizer: widths, padding, options that contradict each other, references."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from pytest_quant.datasets.base import Sample
from pytest_quant.nets.ncnn.net_files import NcnnFiles
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import ConfigError, DatasetError, RunnerError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Color, InputSpec
from pytest_quant.tasks.text_recognition.options import PostprocessOptions, PreprocessOptions, Resize
from pytest_quant.tasks.text_recognition.pipeline import RecognitionPipeline
from pytest_quant.tasks.text_recognition.prediction import pack_texts, unpack_texts
from pytest_quant.tasks.text_recognition.preprocess import resized_size

NET = NcnnFiles(param=Path("net.param"), bin=Path("net.bin")).net()
SAMPLE = Sample("word_1.png", "ab", 0)


def recognizer(
    folder: Path,
    *,
    size: tuple[int, int] | None = None,
    color: Color = "rgb",
    preprocess: Mapping[str, Any] | None = None,
    postprocess: Mapping[str, Any] | None = None,
    outputs: tuple[str, ...] = ("out",),
) -> ModelSpec:
    (folder / "keys.txt").write_text("a\nb\n")
    channels = 1 if color == "gray" else 3
    return ModelSpec(
        name="net",
        zoo=folder / "zoo.quant.yaml",
        task="text-recognition",
        dataset=DatasetSpec("words", "text-lines", None, folder / "zoo.quant.yaml"),
        nets={"fp32": NET, "int8": NET},
        input=InputSpec("in0", size, color, (127.5,) * channels, (127.5,) * channels),
        outputs=outputs,
        preprocess=PreprocessOptions.model_validate(preprocess or {"resize": {"height": 32}}),
        postprocess=PostprocessOptions.model_validate({"keys": "keys.txt", **(postprocess or {})}),
    )


@pytest.mark.parametrize(
    ("size", "how", "expected"),
    [
        ((101, 32), {"height": 32}, (101, 32)),
        ((100, 33), {"height": 32}, (97, 32)),
        ((100, 33), {"height": 32, "rounding": "truncate"}, (96, 32)),
        ((1000, 32), {"height": 32, "max_width": 320}, (320, 32)),
        ((3, 32), {"height": 32, "min_width": 32}, (32, 32)),
        ((72, 32), {"height": 32, "width_divisor": 16}, (64, 32)),  # 4.5 becomes 4, the even number
        ((88, 32), {"height": 32, "width_divisor": 16}, (96, 32)),
        ((1, 500), {"height": 32, "rounding": "truncate"}, (1, 32)),
        ((7, 9), {"size": [100, 32]}, (100, 32)),
    ],
)
def test_widths(size: tuple[int, int], how: dict[str, Any], expected: tuple[int, int]) -> None:
    assert resized_size(size, Resize.model_validate(how)) == expected


@pytest.mark.parametrize(("value", "expected"), [(0, 0.0), (-1.0, -1.0), ("edge", 1.0)])
def test_padding_stands_to_the_right(tmp_path: Path, value: Any, expected: float) -> None:
    """After normalization 0 is mid grey and -1 black."""
    keys = {"resize": {"height": 32, "max_width": 64}, "pad": {"to": 64, "value": value}}
    pipeline = RecognitionPipeline(recognizer(tmp_path, size=(64, 32), preprocess=keys))
    image = np.full((32, 48, 3), 255, np.uint8)
    prepared = pipeline.prepare(image, SAMPLE)
    assert prepared.tensor.shape == (3, 32, 64)
    assert (prepared.tensor[:, :, :48] == 1).all()
    assert (prepared.tensor[:, :, 48:] == expected).all()
    assert prepared.geometry == 0.75


def test_gray_comes_before_the_resize(tmp_path: Path) -> None:
    """Rounding twice would differ: a gray image is resized once, and stays as it is where its size fits."""
    keys = {"resize": {"height": 16, "interpolation": "cubic"}}
    pipeline = RecognitionPipeline(recognizer(tmp_path, color="gray", preprocess=keys))
    image = np.random.default_rng(0).integers(0, 256, (16, 40, 3), dtype=np.uint8)
    tensor = pipeline.prepare(image, SAMPLE).tensor
    weights = np.array([0.299, 0.587, 0.114])
    assert tensor.shape == (1, 16, 40)
    assert np.abs(tensor[0] * 127.5 + 127.5 - image @ weights).max() <= 0.51


def test_steps_over_padding_can_be_left_out(tmp_path: Path) -> None:
    scores = np.eye(3, dtype=np.float32)[[1, 0, 2, 2]]  # a blank b b
    keys = {"resize": {"height": 32}, "pad": {"to": 64}}
    image = np.zeros((32, 32, 3), np.uint8)
    for valid_ratio, expected in ((False, "ab"), (True, "a")):
        model = recognizer(tmp_path, preprocess=keys, postprocess={"valid_ratio": valid_ratio})
        pipeline = RecognitionPipeline(model)
        found = pipeline.predict(lambda tensor: {"out": scores}, pipeline.prepare(image, SAMPLE))
        assert found == expected


def test_a_net_as_reference(tmp_path: Path) -> None:
    pipeline = RecognitionPipeline(recognizer(tmp_path))
    bare = pipeline.without_truth(SAMPLE, np.zeros((1, 1, 3), np.uint8))
    assert (bare.truth, pipeline.with_truth(bare, "ba").truth) == ("", "ba")


def test_another_output_is_refused(tmp_path: Path) -> None:
    pipeline = RecognitionPipeline(recognizer(tmp_path))
    prepared = pipeline.prepare(np.zeros((32, 32, 3), np.uint8), SAMPLE)
    with pytest.raises(RunnerError, match=r"keys.txt has 2 keys"):
        pipeline.predict(lambda tensor: {"out": np.zeros((8, 5), np.float32)}, prepared)
    with pytest.raises(RunnerError, match="expected 'out' alone"):
        pipeline.predict(lambda tensor: {"other": np.zeros((8, 3), np.float32)}, prepared)


@pytest.mark.parametrize("texts", [[], ["", "a\0", "caf\u00e9 \U0001f600", ""]])
def test_texts_are_kept(texts: list[str]) -> None:
    assert unpack_texts(pack_texts(texts)) == texts


@pytest.mark.parametrize(
    ("size", "preprocess", "message"),
    [
        (None, {"pad": {"to": 64}}, "preprocess.resize is missing, and input.size as well"),
        ((64, 32), {"resize": {"height": 32}}, r"add `pad: \{to: 64\}`"),
        ((64, 32), {"resize": {"height": 48}, "pad": {"to": 64}}, r"inputs are \[64, 48\]"),
        (None, {"resize": {"height": 32, "max_width": 100}, "pad": {"to": 64}}, "up to 100 wide, more than pad.to 64"),
    ],
)
def test_sizes_that_contradict_each_other(
    tmp_path: Path, size: tuple[int, int] | None, preprocess: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        RecognitionPipeline(recognizer(tmp_path, size=size, preprocess=preprocess))


def test_an_image_wider_than_the_input(tmp_path: Path) -> None:
    pipeline = RecognitionPipeline(recognizer(tmp_path, preprocess={"resize": {"height": 32}, "pad": {"to": 64}}))
    with pytest.raises(DatasetError, match=r"becomes 65 wide, more than `preprocess.pad.to` 64"):
        pipeline.prepare(np.zeros((32, 65, 3), np.uint8), SAMPLE)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"resize": {}}, "exactly one of `height` and"),
        ({"resize": {"size": [9, 9], "max_width": 9}}, "max_width with `height` only"),
        ({"resize": {"height": 9, "min_width": 9, "max_width": 8}}, "max_width of at least min_width"),
        ({"pad": {"to": 9, "value": "last"}}, "edge"),
    ],
)
def test_options_that_contradict_each_other(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PreprocessOptions.model_validate(keys)


def test_two_output_blobs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="one output blob"):
        RecognitionPipeline(recognizer(tmp_path, outputs=("a", "b")))
