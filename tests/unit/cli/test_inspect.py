from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_quant.cli.main import main
from tests.unit.nets.ncnn.files.nets import (
    FLOAT_PARAM,
    INT8_PARAM,
    RUNNING_INT8_PARAM,
    int8_bin,
    ramp,
    tagged,
    write_net,
)


def test_an_int8_net(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    param, binary = write_net(tmp_path, RUNNING_INT8_PARAM, int8_bin(top_scale=False))
    assert main(["inspect", str(param), str(binary)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"file     {param}, {param.stat().st_size} bytes",
        f"file     {binary}, {binary.stat().st_size} bytes",
        "inputs   in0 (3 channels, any size)",
        "outputs  out0 (10 features)",
        "layers   6: Input 1, Convolution 1, Split 1, ConvolutionDepthWise 1, BinaryOp 1, InnerProduct 1",
        "int8     3: Convolution 1, ConvolutionDepthWise 1, InnerProduct 1",
        "arrays   int8 3",
    ]


def test_layers_left_in_float_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = INT8_PARAM.replace("6=108 8=102", "6=108").replace(
        "Input            in       0 1 in0", "Input in 0 1 in0 0=8 1=6 2=3"
    )
    param, _ = write_net(tmp_path, text)
    assert main(["inspect", str(param)]) == 0
    out = capsys.readouterr().out
    assert "inputs   in0 (3 channels, any size; hint: 8x6)" in out
    assert "float    1 that could be int8: Convolution conv" in out
    assert "arrays" not in out


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    param, binary = write_net(tmp_path)
    assert main(["inspect", "--json", str(param), str(binary)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["int8"] == {}
    assert facts["float"] == {"Convolution": ["conv"], "ConvolutionDepthWise": ["dw"], "InnerProduct": ["fc"]}
    assert facts["inputs"] == {"in0": {"channels": 3, "hint": {"size": None, "channels": None}}}
    assert facts["bin"]["size_bytes"] == binary.stat().st_size
    assert facts["storage"] == {"fp32": 3}


def test_an_unknown_layer_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    param, _ = write_net(tmp_path, FLOAT_PARAM.replace("BinaryOp ", "MyLayer "))
    assert main(["inspect", str(param)]) == 0
    assert "unknown  MyLayer: the .bin is not checked" in capsys.readouterr().out


def test_a_header_that_announces_more_blobs_is_a_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    param, _ = write_net(tmp_path, FLOAT_PARAM.replace("6 7\n", "6 9\n"))
    assert main(["inspect", str(param)]) == 0
    assert "note     the header announces 9 blobs, the layers write 7: harmless" in capsys.readouterr().out


def test_a_damaged_bin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    param, binary = write_net(tmp_path, INT8_PARAM, int8_bin()[:-4])
    assert main(["inspect", str(param), str(binary)]) == 2
    assert "bottom_scale" in capsys.readouterr().err


def test_multiply_accumulates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    param, binary = write_net(tmp_path, INT8_PARAM.replace("6=108 8=102", "6=108 8=2"), int8_bin(top_scale=False))
    assert main(["inspect", "--json", "--size", "4", "4", str(param), str(binary)]) == 0
    assert json.loads(capsys.readouterr().out)["macs"] == {"conv": 108 * 16, "dw": 36 * 16, "fc": 640}
    text = INT8_PARAM.replace("6=108 8=102", "6=108")
    float_conv = tagged(0, ramp(108)) + ramp(4)
    rest = int8_bin(top_scale=False)[len(tagged(0, bytes(108)) + ramp(4)) + 20 :]
    param, binary = write_net(tmp_path, text, float_conv + rest)
    assert main(["inspect", "--size", "4", "4", str(param), str(binary)]) == 0
    share = (36 * 16 + 640) / (144 * 16 + 640)
    expected = f"macs     0.0 million in convolutions and inner products, {share:.1%} of them int8"
    assert expected in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("size", [["0", "8"], ["8", "8"]])
def test_sizes_that_cannot_be_run(tmp_path: Path, size: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    param, binary = write_net(tmp_path)
    assert main(["inspect", str(param), *([str(binary)] if "0" in size else []), "--size", *size]) == 2
    assert "--size takes a width and a height above 0, and needs BIN" in capsys.readouterr().err


def test_a_net_that_ncnn_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    param, _ = write_net(tmp_path, FLOAT_PARAM.replace("6=108 9=1", "6=108 9=99"))
    assert main(["inspect", str(param)]) == 2
    assert "layer 'conv' (Convolution): ncnn" in capsys.readouterr().err


def test_a_layer_that_ncnn_lacks_is_a_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = "BinaryOp         add      2 1 d1 c1b s1 0=0"
    assert line in FLOAT_PARAM
    param, _ = write_net(tmp_path, FLOAT_PARAM.replace(line, "SPP add 1 1 d1 s1"))
    assert main(["inspect", str(param)]) == 0
    assert "note     this ncnn has no layer SPP: it needs a build of your own" in capsys.readouterr().out


DEADLY = """7767517
5 9
Input data 0 1 data
Convolution conv 1 1 data conv 0=4 1=1 5=0 6=12
Reshape r 1 1 conv rows 6="floor(exp(1.5)),floor(exp(4.17))"
Fold f 1 1 rows far 1=64 11=1 20=4000 21=4000
Pooling p 1 1 far prob 0=1 4=1
"""


def test_a_net_that_would_end_the_process_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is run in a child process first."""
    param, binary = write_net(tmp_path, DEADLY, tagged(0, ramp(12)))
    assert main(["inspect", "--size", "8", "8", str(param), str(binary)]) == 2
    assert "a trial run in a child process died of SIG" in capsys.readouterr().err


def test_a_net_that_does_not_fit_the_size_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = DEADLY.replace(
        'Reshape r 1 1 conv rows 6="floor(exp(1.5)),floor(exp(4.17))"', "Crop w 1 1 conv rows 1=-1 3=8 4=8 5=4"
    )
    param, binary = write_net(tmp_path, text, tagged(0, ramp(12)))
    assert main(["inspect", "--size", "8", "8", str(param), str(binary)]) == 2
    assert "reads from -1 on along the height of 'conv'" in capsys.readouterr().err
