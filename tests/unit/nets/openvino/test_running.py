"""OpenVINO runs IR and ONNX files like every net."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pytest_quant.extending.known import get_format
from pytest_quant.spec.errors import ModelFileError, RunnerError
from tests import tiny_onnx, tiny_openvino
from tests.unit.nets.nets import expected, image, net_of, run

pytest.importorskip("openvino", reason='the extra is not installed: pip install "pytest-quant[openvino]"')


@pytest.mark.parametrize("nhwc", [False, True], ids=["nchw", "nhwc"])
def test_an_ir(tmp_path: Path, nhwc: bool) -> None:
    path = tmp_path / tiny_openvino.write_ir(tmp_path, nhwc=nhwc)
    np.testing.assert_allclose(run(net_of("openvino", path), image()), expected(image()), rtol=1e-5)


def test_an_ir_of_int8(tmp_path: Path) -> None:
    found = run(net_of("openvino", tmp_path / tiny_openvino.write_ir(tmp_path, int8=True)), image())
    np.testing.assert_allclose(found, expected(image()), atol=5e-3)
    assert not np.allclose(found, expected(image()), atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 3, 8, 8), ("n", 3, "h", "w")])
def test_an_onnx_file(tmp_path: Path, shape: tuple[int | str, ...]) -> None:
    path = tmp_path / tiny_onnx.write_onnx(tmp_path, shape=shape)
    np.testing.assert_allclose(run(net_of("openvino", path), image()), expected(image()), rtol=1e-5)


def test_reference_is_true_float(tmp_path: Path) -> None:
    """Where a processor computes in bfloat16 by itself, only `deploy` lets it."""
    net = net_of("openvino", tmp_path / tiny_openvino.write_ir(tmp_path))
    found = get_format("openvino").open(net)._session._compiled  # type: ignore[attr-defined]
    assert found.get_property("INFERENCE_PRECISION_HINT").to_string() == "f32"
    assert [found.get_property(name) for name in ("NUM_STREAMS", "INFERENCE_NUM_THREADS")] == [1, 1]


def test_names(tmp_path: Path) -> None:
    path = tmp_path / tiny_openvino.write_ir(tmp_path)
    net = net_of("openvino", path, input_name="image", output_names=("prob",), outputs=("scores",))
    assert run(net, image()).shape == (4,)


def test_an_operator_that_openvino_does_not_have(tmp_path: Path) -> None:
    net = net_of("openvino", tmp_path / tiny_openvino.write_ir(tmp_path, last="Nobody"))
    with pytest.raises(ModelFileError) as caught:
        get_format("openvino").open(net)
    version = get_format("openvino").version()
    assert f"tiny.xml: openvino {version} cannot load it: " in str(caught.value)
    assert "Nobody" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_size_than_the_file_fixes(tmp_path: Path) -> None:
    net = net_of("openvino", tmp_path / tiny_openvino.write_ir(tmp_path))
    with pytest.raises(RunnerError, match="width 9 and height 5, the file fixes them to"):
        run(net, image(5, 9))
