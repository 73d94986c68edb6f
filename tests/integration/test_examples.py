"""The zoo file in examples/ holds what it says: with tiny nets of the right blobs, on images of real size."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks import samples_needed
from benchmarks.systems.catalog import MODELS_VARIABLE, SYSTEMS, ZOO
from benchmarks.systems.pictures import WRITERS
from pytest_quant.nets.ncnn.files.table import Table, write_table
from pytest_quant.nets.ncnn.files.writer import pack_bare
from pytest_quant.quantize.lower import quantize_model
from tests.integration.runs import ZOO as ZOO_NAME
from tests.integration.runs import Run, run_quant

OUTPUTS = {"cifar10": 10, "imagenet": 1000, "icdar2015": 6, "ctw1500": 5, "coco": 17}
"""Channels of the nets of each dataset."""
STRIDES = {"icdar2015": 4, "coco": 4}

LIMITS = {
    "resnet18-cifar10": ["top1", "published[fp32.top1]", "published[int8.top1]"],
    "resnext50-32x4d-imagenet": ["top1", "published[fp32.top1]", "published[int8.top1]", "require[resize_backend]"],
    "mobilenet-v2-imagenet": ["top1", "published[fp32.top1]", "published[int8.top1]", "require[resize_backend]"],
    "hrnet-w18-imagenet": ["top1", "published[fp32.top1]", "published[int8.top1]", "require[resize_backend]"],
    "panet-r18-icdar2015": [
        *("hmean", "published[int8.hmean]", "require[hmean_profile]", "require[hmean_score_threshold]")
    ],
    "textsnake-r50-ctw1500": ["hmean", "published[fp32.hmean]", "published[int8.hmean]", "require[hmean_profile]"],
    "hourglass52-coco": ["AP", "published[fp32.AP]", "published[int8.AP]", "require[flip_test]", "require[boxes]"],
}
FILES = ["int8", "table"]
CASES = {f"{model}::{case}" for model, cases in LIMITS.items() for case in [*cases, *FILES, "sanity"]}


def write_stand_in(folder: Path, outputs: int, stride: int, *, classifies: bool) -> None:
    """One convolution of random weights, under mmdeploy's file and blob names; the int8 files as we make them."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(outputs)
    weights = rng.normal(0, 1 / stride, outputs * 3 * stride**2).astype(np.float32)
    conv = f"0={outputs} 1={stride} 3={stride} 5=1 6={weights.size}"
    ends = ["Pooling  pool  1 1 conv pool 0=1 4=1", "Softmax  prob  1 1 pool output"] if classifies else []
    top = "conv" if classifies else "output"
    lines = ["Input  input  0 1 input", f"Convolution  conv  1 1 input {top} {conv}", *ends]
    param, weights_file = folder / "end2end.param", folder / "end2end.bin"
    param.write_text("\n".join(["7767517", f"{len(lines)} {len(lines)}", *lines]) + "\n")
    weights_file.write_bytes(bytes(4) + pack_bare(weights) + pack_bare(np.zeros(outputs)))
    peaks = np.abs(weights).reshape(outputs, -1).max(axis=1)
    table = Table({"conv_param_0": tuple((127 / peaks).tolist())}, {"conv": 40.0})
    write_table(table, folder / "end2end.table")
    int8 = folder / "end2end_int8.param"
    quantize_model(param, weights_file, folder / "end2end.table", int8, int8.with_suffix(".bin"))


@pytest.fixture
def example(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the example with stand-in models; no dataset is there yet."""
    for system in SYSTEMS:
        write_stand_in(
            pytester.path / "nets" / system.model,
            OUTPUTS[system.dataset],
            STRIDES.get(system.dataset, 1),
            classifies=system.dataset in ("cifar10", "imagenet"),
        )
    monkeypatch.setenv(MODELS_VARIABLE, str(pytester.path / "nets"))
    for variable, _ in WRITERS.values():
        monkeypatch.delenv(variable, raising=False)
    copy = pytester.path / ZOO_NAME
    copy.write_text(ZOO.read_text(encoding="utf-8"), encoding="utf-8")
    return copy


def verdicts(run: Run) -> dict[str, str]:
    return {name: case["verdict"] for name, case in run.cases.items()}


def test_the_systems_are_those_of_the_example(example: Path) -> None:
    assert [system.model for system in SYSTEMS] == list(LIMITS)


def test_without_datasets_the_cases_skip_and_name_the_variable(pytester: pytest.Pytester, example: Path) -> None:
    run = run_quant(pytester)
    found = verdicts(run)
    assert set(found) == CASES
    assert {name.split("::")[1] for name, verdict in found.items() if verdict == "pass"} == set(FILES)
    skipped = {name: case["reason"] for name, case in run.cases.items() if case["verdict"] == "skipped"}
    assert len(skipped) == len(CASES) - len(FILES) * len(LIMITS)
    for system in SYSTEMS:
        variable, _ = WRITERS[system.dataset]
        reasons = [reason for name, reason in skipped.items() if name.startswith(system.model)]
        assert reasons
        assert all(variable in reason for reason in reasons)


def test_without_models_each_entry_says_which_file_is_missing(
    pytester: pytest.Pytester, example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(MODELS_VARIABLE)
    run = run_quant(pytester)
    assert verdicts(run) == {f"{model}::config": "error" for model in LIMITS}
    reason = run.cases["hourglass52-coco::config"]["reason"]
    assert "models/hourglass52-coco/end2end.param does not exist" in reason


def test_every_case_is_decided_on_images_of_real_size(
    pytester: pytest.Pytester, example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, (variable, write) in WRITERS.items():
        write(pytester.path / "data" / name, pytester.path / "no samples", 2)
        monkeypatch.setenv(variable, str(pytester.path / "data" / name))
    run = run_quant(pytester)
    found = verdicts(run)
    assert set(found) == CASES
    assert set(found.values()) == {"pass", "fail"}
    assert all(verdict == "pass" for name, verdict in found.items() if "require" in name or name.endswith(tuple(FILES)))
    assert run.report is not None
    conditions = {name: entry["conditions"] for name, entry in run.report["models"].items()}
    assert conditions["panet-r18-icdar2015"]["hmean_score_threshold"] == 0.9
    assert conditions["hourglass52-coco"]["boxes"] == "detections"
    assert conditions["hrnet-w18-imagenet"]["resize_backend"] == "pillow"
    assert all(entry["samples"]["evaluated"] == 2 for entry in run.report["models"].values())


def test_the_numbers_beside_the_samples_are_those_that_the_verdicts_need() -> None:
    text = ZOO.read_text(encoding="utf-8")
    stated = re.findall(
        r"samples: (\d+) +# as published; the verdict needs (\d+) of (\d+) at a drop of (-?[\d.]+)", text
    )
    rows = list(samples_needed.rows())
    assert len(stated) == len(rows) == 3
    for (samples, needed, images, drop), row in zip(stated, rows, strict=True):
        assert int(samples) == row.samples == 4000
        assert int(needed) == row.needed(samples_needed.STATED_DISCORDANCE)
        assert int(images) == samples_needed.IMAGES
        assert float(drop) == row.drop_pp


def test_the_table_in_the_readme_is_the_one_that_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    samples_needed.main()
    assert capsys.readouterr().out in ZOO.with_name("README.md").read_text(encoding="utf-8")
