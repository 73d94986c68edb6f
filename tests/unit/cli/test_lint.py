from __future__ import annotations

from pathlib import Path

import pytest

from pytest_quant.cli.main import main
from tests.unit.nets.ncnn.files.nets import FLOAT_PARAM, write_net

GOOD = "conv_param_0 10 20 30 40\ndw_param_0 1 2 3 4\nfc_param_0 1 2 3 4 5 6 7 8 9 10\nconv 50\ndw 60\nfc 2\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "net.table"
    path.write_text(GOOD)
    return path


def test_a_good_table(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", str(table)]) == 0
    assert capsys.readouterr().out == f"{table}: 3 layers, 0 errors, 0 warnings\n"
    param, _ = write_net(table.parent)
    assert main(["lint", str(table), "--param", str(param)]) == 0


def test_bad_scales_need_no_model(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table.write_text(GOOD.replace("conv 50", "conv inf").replace("1 2 3 4\n", "1 2 3 -4\n"))
    assert main(["lint", str(table)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "error: dw: 1 of 4 weight scales are negative"
    assert lines[1].startswith("error: conv: the input scale is infinite")
    assert lines[-1].endswith("3 layers, 2 errors, 0 warnings")


def test_weights_prove_which_scales_break_the_net(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    param, binary = write_net(table.parent)  # weights from -1 to 1: 127 is the scale of the first channel
    table.write_text(GOOD.replace("conv_param_0 10 20 30 40", "conv_param_0 127 127 127 0"))
    assert main(["lint", str(table), "--param", str(param)]) == 0
    assert "warning: conv: 1 of 4 weight scales are zero: dead channels" in capsys.readouterr().out
    assert main(["lint", str(table), "--param", str(param), "--bin", str(binary)]) == 1
    assert "error: conv: the scale of 1 of 4 channels erases weights of up to 1\n" in capsys.readouterr().out
    assert main(["lint", str(table), "--bin", str(binary)]) == 2
    assert "--bin needs --param" in capsys.readouterr().err


def test_comments_and_layers_that_they_leave_float(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    param, _ = write_net(table.parent)
    table.write_text("# made by hand\n" + GOOD.replace("conv", "#conv"))
    assert main(["lint", str(table), "--param", str(param)]) == 0
    assert "warning: conv: line 5 of the table comments out this Convolution: it stays float" in capsys.readouterr().out
    table.write_text(GOOD.replace("conv_param", "#conv_param"))
    assert main(["lint", str(table), "--param", str(param)]) == 1
    told = capsys.readouterr().out
    assert "an input scale without its line conv_param_0, which is commented out (line 1): ncnn2int8 stops" in told


def test_errors_stand_before_warnings(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    param, _ = write_net(table.parent)
    table.write_text(GOOD.replace("conv 50\n", "").replace("fc 2", "fc 0"))
    assert main(["lint", str(table), "--param", str(param)]) == 1
    kinds = [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert kinds[:2] == ["error", "warning"]


def test_warnings_alone_give_0(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    param, _ = write_net(table.parent)
    table.write_text(GOOD.replace("conv 50\n", ""))
    assert main(["lint", str(table), "--param", str(param)]) == 0
    assert "1 warnings" in capsys.readouterr().out


def test_a_table_of_another_model(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    param, _ = write_net(
        table.parent, FLOAT_PARAM.replace(" conv ", " a ").replace(" dw ", " b ").replace(" fc ", " c ")
    )
    assert main(["lint", str(table), "--param", str(param)]) == 1
    assert "another model's table" in capsys.readouterr().out


def test_an_empty_table_cannot_be_used(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table.write_text("")
    assert main(["lint", str(table)]) == 2
    assert "the calibration table is empty" in capsys.readouterr().err
