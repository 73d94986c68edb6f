from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_quant.spec.condition import Untold
from pytest_quant.tasks.keypoints.training import config_conditions
from pytest_quant.training_config import read_training_config

NEW = """
_base_ = ['../../_base_/default_runtime.py']
codec = dict(type='MSRAHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2)
model = dict(
    type='TopdownPoseEstimator',
    head=dict(type='HeatmapHead', out_channels=17, decoder=codec),
    test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=False))
"""
OLD = """
model = dict(type='TopDown', test_cfg=dict(flip_test=False, post_process='default', modulate_kernel=11))
data_cfg = dict(image_size=[192, 256], heatmap_size=[48, 64])
"""


def conditions(folder: Path, text: str) -> dict[str, Any]:
    (folder / "net.py").write_text(text)
    return config_conditions(read_training_config(folder / "net.py"))


def test_both_generations(tmp_path: Path) -> None:
    sizes = {"input_size": [192, 256], "heatmap_size": [48, 64]}
    assert conditions(tmp_path, NEW) == {"flip_test": True, "flip_shift": False, **sizes}
    assert conditions(tmp_path, OLD) == {"flip_test": False, **sizes}


def test_a_square_input_may_be_one_number(tmp_path: Path) -> None:
    text = "data_cfg = dict(image_size=512)\nmodel = dict(test_cfg=dict(flip_test=True))"
    assert conditions(tmp_path, text)["input_size"] == [512, 512]


def test_what_is_not_said_is_not_guessed(tmp_path: Path) -> None:
    for text in ("model = dict(type='TopDown')", "x = 1", "model = dict(test_cfg=dict())"):
        found = conditions(tmp_path, text)
        assert list(found) == ["flip_test"]
        assert isinstance(found["flip_test"], Untold)
        assert "does not set model.test_cfg.flip_test" in found["flip_test"].reason


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    reasons = {
        "model = dict(test_cfg=dict(flip_test=decide()))": "net.py, line 1: the call `decide()` is not executed",
        "_base_ = 'gone.py'": "its base gone.py is not there",
        "model = dict(test_cfg=dict(flip_test='no'))": "model.test_cfg.flip_test is 'no', no bool",
    }
    for text, reason in reasons.items():
        untold = conditions(tmp_path, text)["flip_test"]
        assert isinstance(untold, Untold)
        assert reason in untold.reason
