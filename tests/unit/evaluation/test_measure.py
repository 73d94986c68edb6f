from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pytest_quant.building.workbench import open_workbench
from pytest_quant.evaluation.measurement import Measurement
from pytest_quant.evaluation.sampling import Sampling
from pytest_quant.nets.base import Array
from pytest_quant.nets.ncnn.ncnn_net import NcnnRunner
from pytest_quant.spec.errors import DatasetError, DatasetMissingError, RunnerError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.zoo.reader import BrokenModel, read_zoo
from tests import tiny

COUNT = 120
"""Shards of 50, 50 and 20."""


class Passes:
    """Forward passes by net."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.by_net: Counter[str] = Counter()
        run = NcnnRunner.run

        def counted(runner: NcnnRunner, array: Array) -> dict[str, Array]:
            self.by_net[runner._setup.files.param.stem] += 1
            return run(runner, array)

        monkeypatch.setattr(NcnnRunner, "run", counted)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Passes:
    return Passes(monkeypatch)


@pytest.fixture(autouse=True)
def images(tmp_path: Path) -> None:
    tiny.write_images(tmp_path, count=COUNT)


def model(folder: Path, **changes: Any) -> ModelSpec:
    (found,) = read_zoo(tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder, **changes)})).models
    assert not isinstance(found, BrokenModel), found.message
    return found


def measure(folder: Path, spec: ModelSpec | None = None, **sampling: Any) -> Measurement:
    """What a run of its own measures, with the cache that all of this folder's runs share."""
    run = folder / "runs" / str(len(list(folder.glob("runs/*"))))
    bench = open_workbench(run, cores=2, cache_dir=folder / "cache", sampling=Sampling(**sampling))
    return bench.measure(spec or model(folder))


def expected_accuracy(folder: Path) -> float:
    """Top-1 of the fp32 net, computed without the project's own pipeline."""
    right = 0
    for line in (folder / "list.txt").read_text().splitlines():
        name, label = line.split()
        image = cv2.imread(str(folder / name))
        assert image is not None
        mean = (image[:, :, ::-1].reshape(-1, 3).astype(np.float64).mean(axis=0) - 127.5) / 127.5
        right += int(np.argmax(tiny._WEIGHTS @ mean + tiny._BIAS)) == int(label)
    return 100 * right / COUNT


def test_the_accuracy_is_that_of_the_net(tmp_path: Path) -> None:
    found = measure(tmp_path)
    pair = found.comparison.metrics["top1"]
    assert pair.fp32 == pytest.approx(expected_accuracy(tmp_path))
    assert (found.evaluated, found.total, found.is_whole) == (COUNT, COUNT, True)
    assert pair.int8 == pytest.approx(pair.fp32, abs=5)


def test_a_second_run_computes_nothing_and_says_the_same(tmp_path: Path, passes: Passes) -> None:
    first = measure(tmp_path)
    assert passes.by_net == {"tiny": COUNT, "tiny-int8": COUNT}
    second = measure(tmp_path)
    assert passes.by_net == {"tiny": COUNT, "tiny-int8": COUNT}
    assert first.timing.cached == {"fp32": False, "int8": False}
    assert second.timing.cached == {"fp32": True, "int8": True}
    for name, pair in first.comparison.metrics.items():
        again = second.comparison.metrics[name]
        assert (again.fp32, again.int8) == (pair.fp32, pair.int8)
    assert second.comparison.flips == first.comparison.flips
    assert second.samples_sha256 == first.samples_sha256


@pytest.mark.parametrize("side", ["fp32", "int8"])
def test_another_net_on_one_side_is_computed_on_that_side_only(tmp_path: Path, passes: Passes, side: str) -> None:
    measure(tmp_path)
    passes.by_net.clear()
    stem = {"fp32": "tiny", "int8": "tiny-int8"}[side]
    weights = bytearray((tmp_path / f"{stem}.bin").read_bytes())
    weights[5] ^= 0x01  # one bit of one weight
    (tmp_path / f"{stem}.bin").write_bytes(weights)
    spec = _reread(tmp_path)
    found = measure(tmp_path, spec)
    assert passes.by_net == {stem: COUNT}
    assert found.timing.cached == {"fp32": side != "fp32", "int8": side != "int8"}


def _reread(folder: Path) -> ModelSpec:
    (found,) = read_zoo(folder / "zoo.quant.yaml").models
    assert not isinstance(found, BrokenModel)
    return found


def test_other_preprocessing_is_computed_on_both_sides(tmp_path: Path, passes: Passes) -> None:
    measure(tmp_path)
    passes.by_net.clear()
    other = model(tmp_path, input={"blob": "data", "size": [8, 8], "mean": [120.0] * 3, "std": [127.5] * 3})
    assert measure(tmp_path, other).timing.cached == {"fp32": False, "int8": False}
    assert passes.by_net == {"tiny": COUNT, "tiny-int8": COUNT}


@pytest.mark.parametrize(
    "changes",
    [{"tolerance": {"top1": 2.0}}, {"metric": {"top1": {"profile": "mmpretrain"}}}, {"floor": {"top1": 50}}],
    ids=["tolerance", "metric profile", "floor"],
)
def test_limits_and_metrics_need_no_new_predictions(tmp_path: Path, passes: Passes, changes: dict[str, Any]) -> None:
    measure(tmp_path)
    passes.by_net.clear()
    assert measure(tmp_path, model(tmp_path, **changes)).timing.cached == {"fp32": True, "int8": True}
    assert not passes.by_net


def test_another_image_is_computed_with_its_shard_only(tmp_path: Path, passes: Passes) -> None:
    before = measure(tmp_path)
    passes.by_net.clear()
    bench = open_workbench(tmp_path / "order", cores=1)
    last, _ = bench.selection(model(tmp_path))
    assert isinstance(last[-1].source, Path)
    cv2.imwrite(str(last[-1].source), np.full((8, 8, 3), 10, np.uint8))  # in the last shard, of 20
    found = measure(tmp_path)
    assert passes.by_net == {"tiny": 20, "tiny-int8": 20}
    assert found.samples_sha256 != before.samples_sha256


def test_another_label_changes_the_score_without_a_forward_pass(tmp_path: Path, passes: Passes) -> None:
    before = measure(tmp_path)
    passes.by_net.clear()
    lines = (tmp_path / "list.txt").read_text().splitlines()
    (tmp_path / "list.txt").write_text("\n".join(f"{line.split()[0]} 0" for line in lines) + "\n")
    found = measure(tmp_path)
    assert not passes.by_net
    assert found.timing.cached == {"fp32": True, "int8": True}
    assert found.comparison.metrics["top1"].fp32 < before.comparison.metrics["top1"].fp32
    assert found.samples_sha256 != before.samples_sha256


def test_the_whole_reuses_the_shards_of_a_subset(tmp_path: Path, passes: Passes) -> None:
    subset = measure(tmp_path, samples=100)
    assert (subset.evaluated, subset.total, subset.is_whole) == (100, COUNT, False)
    assert passes.by_net == {"tiny": 100, "tiny-int8": 100}
    passes.by_net.clear()
    measure(tmp_path)
    assert passes.by_net == {"tiny": 20, "tiny-int8": 20}


def test_another_seed_draws_other_samples(tmp_path: Path) -> None:
    spec = model(tmp_path)
    drawn = {}
    for seed in (0, 1):
        bench = open_workbench(tmp_path / str(seed), cores=1, sampling=Sampling(seed=seed, samples=30))
        drawn[seed] = {sample.id for sample in bench.selection(spec)[0]}
    assert len(drawn[0]) == len(drawn[1]) == 30
    assert drawn[0] != drawn[1]


@pytest.mark.parametrize(
    ("in_zoo", "sampling", "evaluated"),
    [
        (None, {}, COUNT),
        (40, {}, 40),
        (40, {"samples": 30}, 30),
        (40, {"whole": True}, COUNT),
        (1000, {}, COUNT),
        (None, {"samples": 1000}, COUNT),
    ],
)
def test_the_option_beats_the_zoo_file(
    tmp_path: Path, in_zoo: int | None, sampling: dict[str, Any], evaluated: int
) -> None:
    bench = open_workbench(tmp_path / "run", cores=1, sampling=Sampling(**sampling))
    samples, total = bench.selection(model(tmp_path, samples=in_zoo))
    assert (len(samples), total) == (evaluated, COUNT)


def test_without_a_cache_folder_predictions_live_in_the_folder_of_the_run(tmp_path: Path, passes: Passes) -> None:
    spec = model(tmp_path)
    bench = open_workbench(tmp_path / "run", cores=2)
    bench.measure(spec)
    assert bench.measure(spec).timing.cached == {"fp32": True, "int8": True}
    open_workbench(tmp_path / "next", cores=2).measure(spec)
    assert passes.by_net == {"tiny": 2 * COUNT, "tiny-int8": 2 * COUNT}


def test_a_missing_dataset_is_told_before_anything_is_loaded(tmp_path: Path, passes: Passes) -> None:
    spec = model(tmp_path)
    options = spec.dataset.options.model_copy(update={"root": tmp_path / "absent"})
    with pytest.raises(DatasetMissingError, match=r"dataset 'colours'.*absent.*does not exist"):
        measure(tmp_path, replace(spec, dataset=replace(spec.dataset, options=options)))
    (tmp_path / "list.txt").unlink()
    with pytest.raises(DatasetError, match=r"dataset 'colours'.*list\.txt"):  # its root is there
        measure(tmp_path, spec)
    assert not passes.by_net


def test_an_output_that_is_not_finite_is_an_error_that_names_sample_net_and_blob(tmp_path: Path) -> None:
    # Weights and inputs are finite, as the checks of files and inputs want it; their products are not.
    spec = model(
        tmp_path, input={"blob": "data", "size": [8, 8], "mean": [127.5] * 3, "std": [1e-6] * 3}, output="pool"
    )
    weights = np.frombuffer((tmp_path / "tiny.bin").read_bytes()[4:], np.float32).copy()
    weights[0] = 3e38
    (tmp_path / "tiny.bin").write_bytes(b"\0" * 4 + weights.tobytes())
    with pytest.raises(RunnerError, match=r"^sample images/\d+\.png: .*tiny\.param: the output blob 'pool' holds"):
        measure(tmp_path, spec)
