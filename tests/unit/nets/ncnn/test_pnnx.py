"""From ONNX to ncnn by pnnx's program: a stand-in for what can go wrong, the real one where it is installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from pytest_quant.nets.ncnn.ncnn_net import NcnnRunner, NetSetup
from pytest_quant.nets.ncnn.net_files import NcnnFiles
from pytest_quant.nets.ncnn.pnnx import onnx_to_ncnn, pnnx_program, pnnx_version
from pytest_quant.spec.errors import ConfigError, ModelFileError
from tests import pnnx_stand_in, tiny, tiny_onnx

FIXTURES = Path(__file__).parents[4] / "fixtures" / "models"

needs_pnnx = pytest.mark.skipif(
    find_spec("pnnx") is None, reason="pnnx is not installed (pip install --no-deps pnnx: its program needs no torch)"
)


def convert(folder: Path, name: str) -> NcnnFiles:
    (folder / "out").mkdir(exist_ok=True)
    return onnx_to_ncnn(folder / name, folder / "out")


def refused(folder: Path, name: str) -> str:
    with pytest.raises(ModelFileError) as caught:
        convert(folder, name)
    assert list((folder / "out").iterdir()) == []
    assert name in str(caught.value)
    return str(caught.value)


def test_the_program_runs_on_a_copy_without_half_precision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pnnx_stand_in.install(tmp_path / "site", monkeypatch)
    files = convert(tmp_path, tiny_onnx.write_onnx(tmp_path, "a name.onnx"))
    assert (files.param.name, files.bin.name) == ("a name.param", "a name.bin")
    assert pnnx_stand_in.calls(tmp_path / "site") == ["model.onnx fp16=0"]
    assert sorted(path.name for path in tmp_path.glob("a name*")) == ["a name.onnx"]
    outputs = NcnnRunner(NetSetup(files, "in0", ("out0",), "reference")).run(np.zeros((3, 8, 8), np.float32))
    assert outputs["out0"].shape == (tiny.CLASSES,)
    assert pnnx_version() == f"{pnnx_stand_in.VERSION} fp16=0"


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("sys.stderr.write('no such op' + chr(10)); sys.exit(3)", "cannot convert it (status 3). It printed: ###"),
        ("sys.stderr.write('no such op' + chr(10)); sys.exit(3)", "/ no such op"),
        ("import os; os.kill(os.getpid(), 11)", "(status -11)"),
        ("sys.exit(0)", "pnnx wrote no model.ncnn.param, model.ncnn.bin. It printed"),
        ("print('todo Softmax')", f"pnnx {pnnx_stand_in.VERSION} has no ncnn layer for Softmax: change the model"),
    ],
)
def test_what_the_program_cannot_do_is_told_in_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extra: str, words: str
) -> None:
    pnnx_stand_in.install(tmp_path / "site", monkeypatch, extra)
    assert words in refused(tmp_path, tiny_onnx.write_onnx(tmp_path))


def test_a_broken_file_is_not_given_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pnnx_stand_in.install(tmp_path / "site", monkeypatch)
    (tmp_path / "broken.onnx").write_bytes(b"nothing")
    assert "is not an ONNX" in refused(tmp_path, "broken.onnx")
    assert pnnx_stand_in.calls(tmp_path / "site") == []


def test_without_pnnx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_quant.nets.ncnn.pnnx.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'pytest-quant\[pnnx\]'"):
        pnnx_program()


@needs_pnnx
@pytest.mark.parametrize("name", ["resnet18", "panet", "textsnake"])
def test_the_fixtures_come_out_as_they_are(tmp_path: Path, name: str) -> None:
    files = onnx_to_ncnn(FIXTURES / name / f"{name}.onnx", tmp_path)
    assert files.param.read_bytes() == (FIXTURES / name / f"{name}.param").read_bytes()
    assert files.bin.read_bytes() == (FIXTURES / name / f"{name}.bin").read_bytes()


@needs_pnnx
def test_weights_beside_the_file_come_along(tmp_path: Path) -> None:
    path = tmp_path / tiny_onnx.write_onnx(tmp_path)
    whole = convert(tmp_path, path.name).bin.read_bytes()
    tiny_onnx.put_weights_beside(path)
    assert convert(tmp_path, path.name).bin.read_bytes() == whole


@needs_pnnx
def test_operators_that_ncnn_has_not(tmp_path: Path) -> None:
    assert "has no ncnn layer for pnnx.Expression" in refused(tmp_path, tiny_onnx.write_qdq(tmp_path))
    ports = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.INT64, ["a", "b"])]
    graph = helper.make_graph([helper.make_node("NonZero", ["x"], ["y"])], "graph", ports, outputs)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "nonzero.onnx"
    )
    assert "has no ncnn layer for NonZero" in refused(tmp_path, "nonzero.onnx")
