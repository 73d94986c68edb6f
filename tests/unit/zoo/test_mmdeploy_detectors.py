"""What an export folder of a detector says: sizes, letterboxes, and whether the net decodes itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_quant.zoo.draft import Draft
from pytest_quant.zoo.mmdeploy.folder import describe_folder
from tests import exports, tiny_detector


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An export folder with nets that decode themselves; its JSON files are written by each test."""
    monkeypatch.chdir(tmp_path)
    work_dir = tmp_path / "work_dir"
    work_dir.mkdir()
    tiny_detector.write_rows_net(work_dir, "end2end")
    tiny_detector.write_rows_net(work_dir, "end2end_int8", int8=True)
    return work_dir


def describe(folder: Path, task: Any, generation: str = "1.x") -> Draft:
    exports.write_export(folder, task, generation, blobs=("data", ["rows"]))
    return describe_folder(folder)


def fatal(draft: Draft) -> list[str]:
    return [finding.told for finding in draft.findings if finding.fatal]


def test_a_static_export_stretches_and_decodes_itself(folder: Path) -> None:
    draft = describe(folder, exports.detector())
    assert fatal(draft) == []
    assert draft.entry["task"] == "object-detection"
    assert draft.entry["output"] == "rows"
    assert draft.entry["input"] == {
        "blob": "data",
        "mean": exports.MEAN,
        "std": exports.STD,
        "color": "rgb",
        "size": [320, 320],
    }
    assert draft.entry["preprocess"] == {"resize": {"size": [320, 320]}}
    assert draft.entry["postprocess"] == {"decoder": "detection-output", "max_detections": 200}


@pytest.mark.parametrize(
    ("resize", "pad", "preprocess", "size"),
    [
        ({"keep_ratio": True, "size": [1333, 800]}, {"size_divisor": 32},
         {"resize": {"keep_ratio": [1333, 800]}, "pad_divisor": 32}, None),
        ({"keep_ratio": True}, {"pad_to_square": True, "pad_val": {"img": [114.0, 114.0, 114.0]}},
         {"resize": {"letterbox": [320, 320], "pad_value": 114, "rounding": "nearest"}}, [320, 320]),
        ({"keep_ratio": True}, {"size": [320, 320], "pad_val": 114},
         {"resize": {"letterbox": [320, 320], "pad_value": 114, "rounding": "nearest"}}, [320, 320]),
        ({"size": [300, 300]}, {"size_divisor": 32}, {"resize": {"size": [300, 300]}, "pad_divisor": 32}, [320, 320]),
        ({}, {"size": [320, 320]}, {"resize": {"size": [320, 320]}}, [320, 320]),
    ],
)  # fmt: skip
def test_sizes(folder: Path, resize: Any, pad: Any, preprocess: Any, size: Any) -> None:
    draft = describe(folder, exports.detector(resize=resize, pad=pad))
    assert fatal(draft) == []
    assert draft.entry["preprocess"] == preprocess
    assert draft.entry["input"].get("size") == size


def test_a_detector_without_normalization_takes_pixels_as_they_are(folder: Path) -> None:
    name, transforms, after = exports.detector()
    draft = describe(folder, (name, [one for one in transforms if one["type"] != "Normalize"], after))
    assert fatal(draft) == []
    assert draft.entry["input"] == {"blob": "data", "color": "bgr", "size": [320, 320]}


@pytest.mark.parametrize(
    ("resize", "pad", "says"),
    [
        ({"keep_ratio": True}, {"pad_to_square": True, "pad_val": [0, 1, 2]}, "pads with"),
        ({"keep_ratio": True}, {"size_divisor": 32, "pad_val": 114}, "pads with"),
        ({}, {"size": [640, 640]}, "pads with"),
        ({"size": "big"}, {}, "resizes with"),
    ],
)
def test_what_this_preprocessing_does_not_do(folder: Path, resize: Any, pad: Any, says: str) -> None:
    problems = fatal(describe(folder, exports.detector(resize=resize, pad=pad)))
    assert problems
    assert f"work_dir/pipeline.json {says}" in problems[0]


def test_a_net_that_does_not_decode_itself_needs_a_decoder_of_the_user(folder: Path) -> None:
    tiny_detector.write_net(folder, "end2end")
    tiny_detector.write_net(folder, "end2end_int8", int8=True)
    (problem,) = fatal(describe(folder, exports.detector()))
    assert "the net has no DetectionOutput layer that makes them: export it with" in problem
    assert problem.endswith("write `postprocess.decoder` in the zoo file to settle it")
