"""Layer diagnosis in a run: on a drop that is too large, on demand, and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_quant.building.workbench import open_workbench
from pytest_quant.diagnosis.diagnose import diagnose
from pytest_quant.report.diagnosis import diagnosis_entry
from pytest_quant.spec.model import ModelSpec
from pytest_quant.zoo.reader import read_zoo
from tests import tiny, tiny_onnx
from tests.integration.runs import ZOO, run_plain, run_quant
from tests.integration.test_reports import same

EVERYWHERE = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "xdist"])


@pytest.fixture
def folder(pytester: pytest.Pytester) -> Path:
    tiny.write_images(pytester.path, 40)
    models = {
        "bad": tiny.write_bad_model(pytester.path, floor={"top1": 2.0}),
        "tiny": tiny.model_entry(pytester.path, tolerance={"top1": 9.0}),
    }
    tiny.write_zoo(pytester.path, models)
    return pytester.path


def expected(folder: Path, model: str) -> dict[str, Any]:
    """What the diagnosis says of a model when it is made without pytest."""
    zoo = read_zoo(folder / ZOO)
    spec = next(found for found in zoo.models if found.name == model)
    assert isinstance(spec, ModelSpec)
    return diagnosis_entry(diagnose(spec, open_workbench(folder / "bench", cores=2))).as_json()


@EVERYWHERE
def test_a_drop_that_is_too_large(pytester: pytest.Pytester, folder: Path, workers: tuple[str, ...]) -> None:
    run = run_quant(pytester, *workers, "--quant-report", "report.md")
    assert run.report is not None
    assert run.verdicts["bad::top1"] == "fail"
    entry = expected(folder, "bad")
    assert run.report["models"]["bad"]["diagnosis"] == entry
    assert "diagnosis" not in run.report["models"]["tiny"]
    assert [(layer["layer"], layer["quantized"]) for layer in entry["layers"]] == [
        *(("conv", True), ("pool", False), ("prob", False)),
    ]
    conv = entry["layers"][0]
    assert conv["own"]["sqnr_db"] < 5
    assert conv["macs"] == 3 * 4 * 64
    said = f"conv {conv['output']['sqnr_db']:.1f} dB ({conv['own']['sqnr_db']:.1f} dB alone, "
    assert f"  worst layers, by the SQNR of the output when they alone are int8: {said}" in run.text
    assert f"  all layers: pytest-quant diagnose --zoo {ZOO} --model bad" in run.text
    assert run.text.count("worst layers") == 1
    markdown = (folder / "report.md").read_text()
    assert f"bad, SQNR of the output {entry['output']['sqnr_db']:.1f} dB on 8 samples:" in markdown
    row = f"| conv | Convolution | {conv['own']['sqnr_db']:.1f} | {conv['accumulated']['sqnr_db']:.1f} | "
    assert row in markdown
    assert "| 100.0 % |" in markdown


@EVERYWHERE
def test_on_demand_every_model(pytester: pytest.Pytester, folder: Path, workers: tuple[str, ...]) -> None:
    run = run_quant(pytester, *workers, "--quant-diagnose")
    assert run.report is not None
    assert {name: model["diagnosis"] for name, model in run.report["models"].items()} == {
        name: expected(folder, name) for name in ("bad", "tiny")
    }
    summary = run.text.partition("accuracy of quantized models")[2]
    for name in ("bad", "tiny"):
        assert f"\n{name}: SQNR of the output " in summary
    assert run.report["environment"]["options"]["diagnose"] is True


def test_it_can_be_turned_off(pytester: pytest.Pytester, folder: Path) -> None:
    run = run_quant(pytester, "--no-quant-diagnose")
    assert "worst layers" not in run.text
    assert run.report is not None
    assert "diagnosis" not in run.report["models"]["bad"]


def test_the_ini_option(pytester: pytest.Pytester, folder: Path) -> None:
    pytester.makeini("[pytest]\nquant_diagnose = true\n")
    run = run_quant(pytester, "-k", "tiny and top1")
    assert run.report is not None
    assert "diagnosis" in run.report["models"]["tiny"]


def test_a_green_run_diagnoses_nothing(
    pytester: pytest.Pytester, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a model was diagnosed")

    monkeypatch.setattr("pytest_quant.diagnosis.diagnoses.diagnose", refuse)
    assert run_quant(pytester, "-k", "tiny").status == 0
    assert run_quant(pytester, "-k", "tiny", "--quant-diagnose").status != 0  # it would have been noticed


def test_parallel_and_serial_reports_are_the_same(pytester: pytest.Pytester, folder: Path) -> None:
    """Whichever worker tells of a model last: one that did not diagnose it takes nothing away."""
    serial, parallel = run_quant(pytester).report, run_quant(pytester, "-n", "2").report
    assert same(serial) == same(parallel)


def test_an_expected_failure_is_diagnosed(pytester: pytest.Pytester) -> None:
    tiny.write_images(pytester.path, 40)
    bad = tiny.write_bad_model(pytester.path, xfail={"top1": "issue 7: quantized badly on purpose"})
    tiny.write_zoo(pytester.path, {"bad": bad})
    run = run_quant(pytester)
    assert run.status == 0
    assert run.verdicts["bad::top1"] == "fail xfailed"
    assert run.report is not None
    assert run.report["models"]["bad"]["diagnosis"]["worst"] == ["conv"]


def test_an_undecided_drop_is_diagnosed_where_it_fails(pytester: pytest.Pytester) -> None:
    tiny.write_images(pytester.path, 60)
    tiny.write_zoo(pytester.path, {"tiny": tiny.model_entry(pytester.path, tolerance={"top1": 1.0})})
    run = run_quant(pytester, "--quant-samples", "10")
    assert run.verdicts["tiny::top1"] == "inconclusive"
    assert "worst layers" in run.text
    run = run_quant(pytester, "--quant-samples", "10", "--quant-inconclusive", "pass")
    assert run.report is not None
    assert "diagnosis" not in run.report["models"]["tiny"]


def test_a_drop_in_a_python_test(pytester: pytest.Pytester, folder: Path) -> None:
    pytester.makepyfile(
        """
        from pytest_quant import quant_model, quant_tolerance

        @quant_model("bad")
        @quant_tolerance(top1=5.0)
        def test_bad():
            pass
        """
    )
    run = run_quant(pytester, "-k", "test_bad")
    assert "worst layers, by the SQNR" in run.text
    assert run.report is not None
    assert run.report["models"]["bad"]["diagnosis"]["worst"] == ["conv"]


def test_nets_that_cannot_be_compared(pytester: pytest.Pytester, folder: Path) -> None:
    """The verdict stands, and the message says why there is no more."""
    param = folder / "bad-int8.param"
    text = param.read_text().replace(" conv  1 1 data conv ", " c1  1 1 data c1 ")
    param.write_text(text.replace("1 1 conv pool", "1 1 c1 pool"))
    run = run_quant(pytester, "-k", "bad")
    assert run.verdicts["bad::top1"] == "fail"
    assert "  no layer diagnosis: layers cannot be compared: " in run.text
    assert "all layers: " not in run.text
    assert run.report is not None
    assert "layer 'c1' (Convolution, " in run.report["models"]["bad"]["diagnosis"]["error"]


def test_the_command_takes_the_same_samples(pytester: pytest.Pytester, folder: Path) -> None:
    run = run_quant(pytester, "-k", "bad and top1", "--quant-seed", "3")
    assert f"  all layers: pytest-quant diagnose --zoo {ZOO} --model bad --seed 3\n" in run.text


def test_other_broken_limits_are_no_drop(pytester: pytest.Pytester) -> None:
    tiny.write_images(pytester.path, 40)
    tiny.write_zoo(pytester.path, {"tiny": tiny.model_entry(pytester.path, tolerance=None, floor={"top1": 99.0})})
    run = run_quant(pytester)
    assert run.verdicts["tiny::floor[top1]"] == "fail"
    assert run.report is not None
    assert "diagnosis" not in run.report["models"]["tiny"]


def test_a_missing_dataset_has_no_layers(pytester: pytest.Pytester) -> None:
    entry = tiny.model_entry(pytester.path)
    absent = {"colours": {"type": "image-list", "root": "absent", "list": "list.txt"}}
    tiny.write_zoo(pytester.path, {"tiny": entry}, datasets=absent)
    run = run_quant(pytester, "--quant-diagnose")
    assert run.verdicts["tiny::top1"] == "skipped"
    assert run.report is not None
    assert run.report["models"] == {}


def test_a_model_that_is_not_measured_is_not_diagnosed(
    pytester: pytest.Pytester, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a model was diagnosed")

    monkeypatch.setattr("pytest_quant.diagnosis.diagnoses.diagnose", refuse)
    assert run_quant(pytester, "-k", "int8", "--quant-diagnose").verdicts == {"bad::int8": "pass", "tiny::int8": "pass"}


def test_without_quant_the_option_does_nothing(pytester: pytest.Pytester, folder: Path) -> None:
    assert "1 skipped" in run_plain(pytester, "--quant-diagnose").text


@EVERYWHERE
def test_which_step_lost_how_much(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    tiny.write_images(pytester.path, 40)
    bad = tiny.write_bad_model(pytester.path, onnx=tiny_onnx.write_onnx(pytester.path))
    tiny.write_zoo(pytester.path, {"bad": bad})
    run = run_quant(pytester, *workers, "--quant-diagnose", "--quant-report", "report.md")
    assert run.verdicts["bad::top1"] == "fail"
    metric = run.metric("bad")
    line = f"stages, top1: onnx {metric['fp32']:.2f} -> ncnn fp32 {metric['fp32']:.2f} (lost 0.00 points, outputs 1"
    lost = f"-> int8 {metric['int8']:.2f} (lost {metric['drop']:.2f} points, outputs "
    found = [text.strip() for text in run.text.splitlines() if text.startswith("  stages, ")]
    assert len(found) == 2  # the message and the summary
    assert found[0] == found[1]
    assert found[0].startswith(line)
    assert lost in found[0]
    assert found[0].endswith(": all of the loss by quantization")
    assert found[0] in (pytester.path / "report.md").read_text().splitlines()


def test_no_step_is_known_where_the_onnx_case_is_not_selected(pytester: pytest.Pytester) -> None:
    tiny.write_images(pytester.path, 40)
    bad = tiny.write_bad_model(pytester.path, onnx=tiny_onnx.write_onnx(pytester.path))
    tiny.write_zoo(pytester.path, {"bad": bad})
    run = run_quant(pytester, f"{ZOO}::bad::top1")
    assert "worst layers" in run.text
    assert "stages" not in run.text
