"""Every net of a model on the same samples."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_quant.predictions.measure import Workbench
from pytest_quant.predictions.stages import stage_scores
from pytest_quant.spec import ModelSpec, OnnxFile
from pytest_quant.zoo.reader import read_zoo
from tests import tiny, tiny_onnx


def test_each_stage_has_its_value_on_the_same_samples(tmp_path: Path) -> None:
    tiny.write_images(tmp_path, 60)
    (model,) = read_zoo(tiny.write_zoo(tmp_path, {"tiny": tiny.write_bad_model(tmp_path)})).models
    assert isinstance(model, ModelSpec)
    whole = replace(
        model,
        onnx=OnnxFile(tmp_path / tiny_onnx.write_onnx(tmp_path)),
        onnx_int8=OnnxFile(tmp_path / tiny_onnx.write_qdq(tmp_path)),
    )
    bench = Workbench.in_folder(tmp_path / "run", cores=1)
    samples = bench.selection(whole)[0]
    scores = stage_scores(bench, whole, samples)
    assert list(scores) == ["top1"]
    assert list(scores["top1"]) == ["onnx", "fp32", "int8", "onnx_int8"]
    measured = bench.measure(model).comparison.metrics["top1"]
    assert scores["top1"]["onnx"] == scores["top1"]["fp32"] == pytest.approx(measured.fp32)
    assert scores["top1"]["int8"] == pytest.approx(measured.int8)
    assert scores["top1"]["int8"] < 20 < scores["top1"]["onnx_int8"]
    assert list(stage_scores(bench, model, samples[:10])["top1"]) == ["fp32", "int8"]
