"""Two real nets: SqueezeNet, whose layers were measured by hand before (ncnn 1.0.20261020, x86-64), and a detector
that int8 broke."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.layer_diagnosis import read_models
from pytest_quant.building.workbench import open_workbench
from pytest_quant.diagnosis.diagnose import Diagnosis, diagnose
from pytest_quant.diagnosis.layer_errors import prepare_nets
from pytest_quant.evidence.likeness import NOTHING, Likeness, likeness
from pytest_quant.extending.known import get_task
from pytest_quant.spec.model import ModelSpec
from tests.unit.quantize.nets import shared

NEAR_DB = 2.5
"""The numbers by hand are of other images."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModelSpec]:
    for folder in ("squeezenet_v1.1-imagenet", "ppocr_det-icdar"):
        shared(f"models/{folder}")
    for folder in ("imagenet-sample", "icdar2015"):
        shared(f"data/{folder}")
    return read_models(shared("models").parent, tmp_path_factory.mktemp("zoo"))


def _diagnosed(model: ModelSpec, folder: Path, samples: int) -> Diagnosis:
    return diagnose(model, open_workbench(folder, cores=2), samples)


def test_squeezenet_as_measured_by_hand(models: dict[str, ModelSpec], tmp_path: Path) -> None:
    found = _diagnosed(models["squeezenet"], tmp_path, 8)
    accumulated = {error.layer: error.accumulated_sqnr_db for error in found.layers}
    by_hand = {"conv1": 37.9, "fire9/concat": 14, "pool10": 26.2, "prob": 21.4}
    assert {name: accumulated[name] for name in by_hand} == pytest.approx(by_hand, abs=NEAR_DB)
    assert found.output_sqnr_db == pytest.approx(accumulated["prob"])
    assert sum(error.macs or 0 for error in found.layers) == pytest.approx(0.39e9, rel=0.1)  # 1.1 at 227 pixels
    # The 3x3 convolutions have 6-bit weights, which is most of the loss.
    assert sum(error.layer.endswith("expand3x3") for error in found.worst[:10]) >= 7
    own = {error.layer: error.own_sqnr_db for error in found.layers if error.quantized}
    assert max(db for name, db in own.items() if name.endswith("expand3x3")) < 30


@pytest.mark.parametrize(
    ("given", "blob", "by_hand"),
    [("pool1", "fire2/concat", 21.3), ("pool3", "fire4/concat", 23.1), ("pool5", "fire6/concat", 24.8)],
)
def test_a_block_alone_as_measured_by_hand(
    models: dict[str, ModelSpec], tmp_path: Path, given: str, blob: str, by_hand: float
) -> None:
    model = models["squeezenet"]
    bench, task = open_workbench(tmp_path, cores=1), get_task(model.task)
    probe, pipeline, dataset = prepare_nets(model, tmp_path).open(), task.pipeline(model), bench.dataset(model.dataset)
    total: Likeness = NOTHING
    for sample in bench.selection(model)[0][:4]:
        tensor = pipeline.prepare(dataset.read(sample), sample).tensor
        fp32 = dict(probe._fp32.feed({"data": tensor}, [given, blob]))
        total += likeness(fp32[blob], dict(probe._int8.feed({given: fp32[given]}, [blob]))[blob])
    assert total.sqnr_db == pytest.approx(by_hand, abs=NEAR_DB)


def test_a_detector_that_int8_broke(models: dict[str, ModelSpec], tmp_path: Path) -> None:
    found = _diagnosed(models["ppocr"], tmp_path, 3)
    assert found.output_sqnr_db < 3
    assert "conv_64" in [error.layer for error in found.worst[:4]]
    ranks = {error.layer: rank for rank, error in enumerate(found.worst)}
    own = {error.layer: error.own_sqnr_db for error in found.worst}
    # Hardly anything of its values is right, and nobody can tell from the output.
    assert own["conv_100"] < 5
    assert ranks["conv_100"] > len(ranks) / 2
