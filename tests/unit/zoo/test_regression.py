"""mmdeploy's regression files: tolerances and their units."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_quant.extending.known import get_task
from pytest_quant.judging.limits.written import MAX_TOLERANCE_PCT
from pytest_quant.spec.errors import ConfigError
from pytest_quant.zoo.regression import RegressionTolerance, is_regression, overrides, read_regression, tolerances

FILE = """\
globals:
  codebase_dir: ../mmpose
  metric_info: &metric_info
    Top 1 Accuracy: {metric_key: accuracy/top1, tolerance: 1}
    hmean-iou:
      metric_key: icdar/hmean
      tolerance: 0.15 # metric ±n%
    AP:
      metric_key: coco/AP
      tolerance: 2
      multi_value: 100
    AR: {metric_key: coco/AR, tolerance: 0.02}
    box AP: {metric_key: coco/bbox_mAP, tolerance: 0.2, multi_value: 100}
ncnn:
  pipeline_ncnn: &pipeline_ncnn
    deploy_config: configs/ncnn.py
models:
  - name: ResNet
    pipelines:
      - *pipeline_ncnn
"""


def read(folder: Path, text: str, task: str, dataset: str | None = None) -> dict[str, RegressionTolerance]:
    path = folder / "regression.yml"
    path.write_text(text)
    found = tolerances(read_regression(path), get_task(task).metrics, MAX_TOLERANCE_PCT, dataset)
    return {tolerance.metric: tolerance for tolerance in found}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_percentage_points(folder: Path) -> None:
    assert read(folder, FILE, "classification") == {
        "top1": RegressionTolerance(
            "top1",
            1,
            "regression.yml:4: globals.metric_info.Top 1 Accuracy.tolerance: 1 (percentage points; metric_key "
            "accuracy/top1)",
            None,
        )
    }


def test_the_factor_tells_that_a_fraction_is_published_in_percent(folder: Path) -> None:
    found = read(folder, FILE, "keypoints")
    assert (found["AP"].amount, found["AR"].amount) == (0.02, 0.02)
    assert found["AP"].source.endswith("tolerance: 2 (percentage points, here 0.02; metric_key coco/AP)")
    assert found["AR"].source.endswith("tolerance: 0.02 (of a fraction; metric_key coco/AR)")


def test_a_tolerance_that_a_zoo_file_would_refuse(folder: Path) -> None:
    found = read(folder, FILE, "text-detection")["hmean"]
    assert found.amount == 0.15
    assert found.source == (
        "regression.yml:7: globals.metric_info.hmean-iou.tolerance: 0.15 (of a fraction; metric_key icdar/hmean)"
    )
    assert found.refused is not None
    assert found.refused.startswith("found 0.15, which is 15 % of the range 0 to 1: probably a unit mistake.")


MIXED = """\
globals:
  metric_info:
    Top 1 Accuracy: {metric_key: a, tolerance: 1, dataset: ImageNet-1k}
    Top 5 Accuracy: {metric_key: b, tolerance: 1}
    mIoU: {metric_key: c, tolerance: 1, dataset: [Cityscapes, ADE20K]}
"""


@pytest.mark.parametrize("dataset", [None, "ImageNet-1k", "imagenet 1K", "ADE20K"])
def test_a_dataset_of_the_file(folder: Path, dataset: str | None) -> None:
    """A metric stands in a file once, so no tolerance is dropped for the dataset beside another one."""
    assert set(read(folder, MIXED, "classification", dataset)) == {"top1", "top5"}


def test_a_dataset_that_the_file_does_not_have(folder: Path) -> None:
    """It used to drop top1 without a word."""
    with pytest.raises(ConfigError) as caught:
        read(folder, MIXED, "classification", "COCO")
    assert str(caught.value) == (
        "regression.yml:2: globals.metric_info: has no tolerance for the dataset COCO; its datasets: ImageNet-1k, "
        "Cityscapes, ADE20K"
    )
    with pytest.raises(ConfigError, match=r"its datasets: none, so leave out `dataset`$"):
        read(folder, FILE, "classification", "COCO")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("tolerance: 1}", "tolerance: one}", "Top 1 Accuracy.tolerance: found 'one' (str), expected a number"),
        ("tolerance: 1}", "}", "Top 1 Accuracy.tolerance: found nothing, expected a number"),
        ("tolerance: 1}", "tolerance: 1, multi_value: 7}", "multi_value is 7 (int), expected 1"),
        (
            "{metric_key: accuracy/top1, tolerance: 1}",
            "1",
            "Top 1 Accuracy: found 1 (int), expected metric_key and tol",
        ),
        ("    Top 1 Accuracy", "    Top 3 Accuracy", "none of which is a metric of this task: Top 1 Accuracy, Top 5"),
        ("metric_info:", "metric:", "is not a regression file of mmdeploy: found no `globals.metric_info`"),
        ("globals:", "globals: [", "regression.yml:3: is not valid YAML"),
    ],
)
def test_what_can_be_wrong(folder: Path, old: str, new: str, says: str) -> None:
    assert old in FILE
    with pytest.raises(ConfigError) as caught:
        read(folder, FILE.replace(old, new), "classification")
    assert says in str(caught.value)


def test_a_tolerance_of_one_pipeline(folder: Path) -> None:
    path = folder / "regression.yml"
    path.write_text(FILE)
    assert overrides(read_regression(path)) == []
    path.write_text(FILE.replace("configs/ncnn.py", "configs/ncnn.py\n    metric_tolerance: {AP: 1}"))
    assert overrides(read_regression(path)) == ["ncnn.pipeline_ncnn", "models.0.pipelines.0"]


def test_what_is_a_regression_file() -> None:
    assert is_regression({"globals": {"metric_info": {}}})
    assert not is_regression({"globals": {}})
    assert not is_regression({"Models": []})
    assert not is_regression(["globals"])


def test_a_tolerance_of_box_ap_is_in_percent(folder: Path) -> None:
    found = read(folder, FILE, "object-detection")["mAP"]
    assert found.amount == 0.002
    assert "box AP.tolerance: 0.2 (percentage points, here 0.002; metric_key coco/bbox_mAP)" in found.source
