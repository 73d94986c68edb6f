from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from pytest_quant.cli.calibration import METHODS
from pytest_quant.cli.main import main
from pytest_quant.nets.ncnn.blobs import BlobExtractor
from pytest_quant.nets.ncnn.files import inspect_net, read_table, write_table
from pytest_quant.quantize.calibration import Method, calibrate
from tests import tiny

from ..quantize.nets import Net, images, shared, write_net


@pytest.fixture
def net(tmp_path: Path) -> Net:
    return write_net(tmp_path)


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """A zoo whose model has no int8 files yet, 20 images to calibrate with and 20 others that it is evaluated on."""
    tiny.write_images(tmp_path, 20, seed=1)
    tiny.write_images(tmp_path / "evaluated", 20)
    datasets = {"colours": {"type": "image-list", "root": "evaluated", "list": "list.txt"}}
    path = tiny.write_zoo(tmp_path, datasets=datasets)
    for file in tmp_path.glob("tiny-int8.*"):
        file.unlink()
    return path


def run(capsys: pytest.CaptureFixture[str], *argv: object, status: int = 0) -> tuple[str, str]:
    assert main([str(word) for word in argv]) == status
    captured = capsys.readouterr()
    return captured.out, captured.err


def edit(zoo: Path, **int8: Any) -> None:
    content = yaml.safe_load(zoo.read_text())
    content["models"]["tiny"]["int8"] = int8
    zoo.write_text(yaml.safe_dump(content, sort_keys=False))


def test_the_methods_are_those_of_the_calibration() -> None:
    assert get_args(Method) == METHODS


def made_table(net: Net) -> Path:
    path = net.param.with_suffix(".table")
    write_table(calibrate(*net.paths, lambda: images(4), lambda: BlobExtractor(*net.paths)), path)
    return path


def test_from_a_table(net: Net, capsys: pytest.CaptureFixture[str]) -> None:
    table = made_table(net)
    prefix = net.param.with_name("v1.1")
    out, err = run(capsys, "quantize", *net.paths, "--table", table, "--out", prefix)
    assert out.splitlines() == [
        f"{prefix}.param: 4 of 4 layers int8, 1 of them pass int8 on",
        f"{prefix}.bin: {Path(f'{prefix}.bin').stat().st_size} bytes, {net.bin.stat().st_size} before",
    ]
    assert err == ""
    facts = inspect_net(f"{prefix}.param", f"{prefix}.bin")
    assert facts.quantized.keys() == {"Convolution", "ConvolutionDepthWise", "InnerProduct"}


def test_real_files_equal_those_of_the_tool(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = shared("models/resnet20-cifar10/resnet20.param")
    table = source.with_suffix(".table")
    run(capsys, "quantize", source, source.with_suffix(".bin"), "--table", table, "--out", tmp_path / "out")
    for suffix in (".param", ".bin"):
        assert (tmp_path / f"out{suffix}").read_bytes() == source.with_name(f"resnet20-int8{suffix}").read_bytes()


def test_layers_kept_float_are_named(net: Net, capsys: pytest.CaptureFixture[str]) -> None:
    table = made_table(net)
    command = ["quantize", *net.paths, "--table", table, "--out", net.param.with_name("int8")]
    out, _ = run(capsys, *command, "--keep-float", "fc", "dw")
    assert "2 of 4 layers int8" in out
    assert "left in float: dw, fc" in out
    _, err = run(capsys, *command, "--keep-float", "fd", status=2)
    assert "no layer 'fd' that could be int8" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "PARAM, BIN, --table missing: name PARAM, BIN and --table, or --zoo to calibrate first"),
        (["net.param", "net.bin"], "--table missing"),
        (["net.param", "net.bin", "--table", "t", "--method", "kl"], "--method has no effect on a table that is there"),
        (["net.param", "net.bin", "--table", "t", "--eight-bit"], "--eight-bit has no effect"),
        (["net.param", "--zoo", "z"], "either PARAM, BIN and --table, or --zoo"),
    ],
)
def test_what_does_not_go_together(options: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, err = run(capsys, "quantize", "--out", "int8", *options, status=2)
    assert message in err
    assert err.count("\n") == 1


def test_the_float_network_is_not_overwritten(net: Net, capsys: pytest.CaptureFixture[str]) -> None:
    table = made_table(net)
    before = net.param.read_bytes()
    _, err = run(capsys, "quantize", *net.paths, "--table", table, "--out", net.param.with_suffix(""), status=2)
    assert "would overwrite the float network" in err
    assert net.param.read_bytes() == before


def test_a_missing_folder_is_told_before_anything_runs(zoo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, err = run(capsys, "calibrate", "--zoo", zoo, "--images", "x", "--out", zoo.parent / "no" / "t", status=2)
    assert re.search(r"--out: the folder \S*no does not exist", err)


def test_a_table_of_another_model(net: Net, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "other.table").write_text("stem_param_0 1 2 3\nstem 4\n")
    command = ["quantize", *net.paths, "--table", tmp_path / "other.table", "--out", tmp_path / "int8"]
    _, err = run(capsys, *command, status=2)
    assert "another model's table" in err
    assert not (tmp_path / "int8.bin").exists()


def test_calibrating_first(zoo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prefix = zoo.parent / "tiny-int8"
    out, err = run(capsys, "quantize", "--zoo", zoo, "--images", zoo.parent / "images", "--out", prefix)
    assert out.splitlines()[0] == f"{prefix}.table: calibrated on 20 images"
    assert err == ""  # no bars where stderr is not a terminal
    written = [Path(f"{prefix}{suffix}").read_bytes() for suffix in (".param", ".bin")]
    fp32 = [zoo.parent / f"tiny{suffix}" for suffix in (".param", ".bin")]
    run(capsys, "quantize", *fp32, "--table", f"{prefix}.table", "--out", zoo.parent / "again")
    assert [(zoo.parent / f"again{suffix}").read_bytes() for suffix in (".param", ".bin")] == written
    run(capsys, "inspect", f"{prefix}.param", f"{prefix}.bin")


def test_a_table_alone(zoo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = zoo.parent / "tiny.table"
    command = ["calibrate", "--zoo", zoo, "--model", "tiny", "--images", zoo.parent / "images", "--out", table]
    out, _ = run(capsys, *command, "--samples", "7", "--method", "minmax", "--jobs", "1")
    assert out == f"{table}: 1 layers of tiny, calibrated on 7 images\n"
    assert list(read_table(table).activations) == ["conv"]
    assert run(capsys, "lint", table, "--param", zoo.parent / "tiny.param")[0].endswith("0 errors, 0 warnings\n")


def test_the_entry_says_how_to_calibrate(zoo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(zoo, calibrate={"images": "images", "samples": 5, "method": "minmax"})
    out, _ = run(capsys, "calibrate", "--zoo", zoo, "--out", zoo.parent / "a.table")
    assert "calibrated on 5 images" in out
    out, _ = run(capsys, "calibrate", "--zoo", zoo, "--out", zoo.parent / "b.table", "--samples", "6")
    assert "calibrated on 6 images" in out
    edit(zoo, **tiny.write_net(zoo.parent, "tiny-int8", int8=True))
    _, err = run(capsys, "calibrate", "--zoo", zoo, "--out", zoo.parent / "c.table", status=2)
    assert "--images or --dataset is missing: tiny has no int8.calibrate" in err


def test_on_a_dataset_of_the_zoo(zoo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = zoo.parent / "tiny.table"
    out, err = run(capsys, "calibrate", "--zoo", zoo, "--dataset", "colours", "--out", table)
    assert "calibrated on 20 images" in out
    assert "tiny is calibrated on colours, the images that it is evaluated on" in err
    _, err = run(capsys, "calibrate", "--zoo", zoo, "--dataset", "colors", "--out", table, status=2)
    assert "has no dataset 'colors'. Did you mean `colours`?" in err


def test_images_that_are_evaluated_are_found_by_content(zoo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("000.png", "001.png"):
        shutil.copy(zoo.parent / "evaluated" / "images" / name, zoo.parent / "images" / f"copy-{name}")
    _, err = run(capsys, "calibrate", "--zoo", zoo, "--images", zoo.parent / "images", "--out", zoo.parent / "t")
    assert "warning: 2 of the 22 images are samples of colours, on which tiny is evaluated (images/000.png, " in err


def test_a_table_that_lint_refuses_is_not_written_without_a_word(zoo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = zoo.parent / "bad.table"
    table.write_text("conv_param_0 63.5 inf 63.5 1270\nconv 0\n")
    fp32 = [zoo.parent / f"tiny{suffix}" for suffix in (".param", ".bin")]
    _, err = run(capsys, "quantize", *fp32, "--table", table, "--out", zoo.parent / "net")
    assert "bad.table: 2 findings, the first: " in err
    assert "pytest-quant lint" in err
    table.write_text("conv_param_0 63.5 nan 63.5 1270\nconv 127\n")
    _, err = run(capsys, "quantize", *fp32, "--table", table, "--out", zoo.parent / "net", status=2)
    assert "bad.table:1: entry 'conv_param_0': holds nan" in err


def test_models_that_cannot_be_used(zoo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["calibrate", "--zoo", zoo, "--images", zoo.parent / "images", "--out", zoo.parent / "t"]
    _, err = run(capsys, *command, "--model", "tinny", status=2)
    assert "has no model 'tinny'. Did you mean `tiny`?" in err
    (zoo.parent / "tiny.bin").unlink()
    _, err = run(capsys, *command, status=2)
    assert "tiny.bin does not exist" in err
    tiny.write_zoo(zoo.parent, {name: tiny.model_entry(zoo.parent, name) for name in ("one", "two")})
    _, err = run(capsys, *command, status=2)
    assert "--model is missing" in err
    assert "has 2 models: one, two" in err


def test_bad_images(zoo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = zoo.parent / "images"
    command = ["calibrate", "--zoo", zoo, "--out", zoo.parent / "t", "--images"]
    (folder / "007.png").write_text("no image")
    _, err = run(capsys, *command, folder, status=2)
    assert re.fullmatch(r"pytest-quant: error: dataset '--images': sample '007.png' \(.*\) does not decode.*\n", err)
    (zoo.parent / "empty").mkdir()
    _, err = run(capsys, *command, zoo.parent / "empty", status=2)
    assert "--images: " in err
    assert "holds no image" in err
    _, err = run(capsys, *command, folder / "001.png")
    assert err.startswith("pytest-quant: warning: tiny: one image is not a calibration set")


@pytest.mark.parametrize("options", [["--samples", "0"], ["--method", "best"], ["--percentile", "101"]])
def test_values_that_are_none(zoo: Path, options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["calibrate", "--zoo", str(zoo), "--images", "images", "--out", "t", *options])
    assert caught.value.code == 2
    assert options[0] in capsys.readouterr().err


def test_a_percentile_needs_its_method(zoo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["calibrate", "--zoo", zoo, "--images", zoo.parent / "images", "--out", zoo.parent / "t"]
    _, err = run(capsys, *command, "--percentile", "99", status=2)
    assert "--percentile goes with --method percentile" in err
    run(capsys, *command, "--percentile", "99", "--method", "percentile")


def test_a_layer_that_ncnn_lacks_is_told(zoo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    param = zoo.parent / "tiny.param"
    text = param.read_text()
    assert "ReLU" in text or "Pooling" in text
    lines = text.splitlines()
    index = next(i for i, line in enumerate(lines) if line.startswith(("ReLU", "Pooling")))
    lines[index] = " ".join(["ArgMax", *lines[index].split()[1:6]])
    param.write_text("\n".join([*lines, ""]))
    table = zoo.parent / "t.table"
    table.write_text("conv_param_0 63.5 63.5 63.5 1270\nconv 127\n")
    fp32 = [param, zoo.parent / "tiny.bin"]
    _, err = run(capsys, "quantize", *fp32, "--table", table, "--out", zoo.parent / "net")
    assert "this ncnn has no layer ArgMax: the net needs a build of your own" in err
