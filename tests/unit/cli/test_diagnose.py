from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_quant.cli.main import main
from pytest_quant.diagnosis.diagnose import DEFAULT_SAMPLES, diagnose
from pytest_quant.report.diagnosis import diagnosis_entry
from tests.unit.quantize.models import bench, write_model


def test_layers_worst_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = write_model(tmp_path, scales={"fc": 4000.0})
    out = tmp_path / "layers.json"
    assert main(["diagnose", "--zoo", str(model.zoo), "--json", str(out)]) == 0
    captured = capsys.readouterr()
    found = diagnose(model, bench(tmp_path), DEFAULT_SAMPLES)
    lines = captured.out.splitlines()
    assert lines[0] == f"net: SQNR of the output {found.output_sqnr_db:.1f} dB on 8 samples"
    assert lines[2].split()[:3] == ["layer", "type", "own"]
    assert [line.split()[0] for line in lines[3:7]] == [error.layer for error in found.worst]
    assert lines[3].split()[:3] == ["fc", "InnerProduct", f"{found.worst[0].own_sqnr_db:.1f}"]
    assert json.loads(out.read_text()) == diagnosis_entry(found).as_json()
    assert captured.err == ""


def test_all_layers_in_file_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = write_model(tmp_path)
    argv = ["diagnose", "--zoo", str(model.zoo), "--model", "net", "--all", "--samples", "2", "--seed", "3"]
    assert main([*argv, "--jobs", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("on 2 samples")
    assert [line.split()[0] for line in lines[3:8]] == ["conv1", "dw", "conv2", "concat", "fc"]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--model", "nett"], "has no model 'nett'. Did you mean `net`?"),
        (["--json", "nowhere/layers.json"], "--json: the folder nowhere does not exist"),
    ],
)
def test_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str], argv: list[str], message: str) -> None:
    assert main(["diagnose", "--zoo", str(write_model(tmp_path).zoo), *argv]) == 2
    assert message in capsys.readouterr().err


def test_a_float_net_in_the_place_of_int8(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = write_model(tmp_path, quantized=[])
    assert main(["diagnose", "--zoo", str(model.zoo)]) == 2
    assert "has no quantized layer" in capsys.readouterr().err
