"""ONNX files run like ncnn nets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto

from pytest_quant.evaluation.model_nets import open_runner, runtime_of
from pytest_quant.nets.base import Array
from pytest_quant.nets.ncnn.ncnn_net import NcnnRunner, NetSetup
from pytest_quant.nets.ncnn.net_files import NcnnFiles
from pytest_quant.nets.onnxruntime.format import OnnxruntimeFormat, onnx_net
from pytest_quant.spec.errors import ConfigError, ModelFileError, RunnerError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import InputSpec
from tests import tiny, tiny_onnx
from tests.unit.measurements import some_model


def model(path: Path, size: tuple[int, int] | None = (tiny.SIDE, tiny.SIDE)) -> ModelSpec:
    found = some_model(input=InputSpec("data", size, "rgb", (0.0,) * 3, (1.0,) * 3), outputs=("prob",))
    return found.with_net("onnx", onnx_net(path))


def image(height: int = tiny.SIDE, width: int = tiny.SIDE) -> Array:
    return np.random.default_rng(0).uniform(-1, 1, (3, height, width)).astype(np.float32)


def by_ncnn(folder: Path, array: Array) -> Array:
    names = tiny.write_net(folder, "net")
    files = NcnnFiles(param=folder / names["param"], bin=folder / names["bin"])
    return NcnnRunner(NetSetup(files, "data", ("prob",), "reference")).run(array)["prob"]


def run(path: Path, array: Array, size: tuple[int, int] | None = None) -> Array:
    runner = open_runner(model(path, size), "onnx")
    outputs = runner.run(array)
    runner.close()
    assert list(outputs) == ["prob"]
    assert outputs["prob"].dtype == np.float32
    return outputs["prob"]


@pytest.mark.parametrize("shape", [(1, 3, 8, 8), ("batch", 3, "h", "w"), (None, None, None, None)])
def test_the_numbers_are_those_of_ncnn(tmp_path: Path, shape: tuple[int | str, ...]) -> None:
    path = tmp_path / tiny_onnx.write_onnx(tmp_path, shape=shape)
    np.testing.assert_allclose(run(path, image()), by_ncnn(tmp_path, image()), rtol=1e-5)


def test_a_graph_without_a_batch(tmp_path: Path) -> None:
    path = tmp_path / tiny_onnx.write_without_batch(tmp_path)
    np.testing.assert_allclose(run(path, image()), by_ncnn(tmp_path, image()), rtol=1e-5)


def test_half_precision_is_cast(tmp_path: Path) -> None:
    path = tmp_path / tiny_onnx.write_onnx(tmp_path, dtype=TensorProto.FLOAT16)
    found, expected = run(path, image()), by_ncnn(tmp_path, image())
    np.testing.assert_allclose(found, expected, atol=3e-3)
    assert not np.array_equal(found, expected)


def test_both_forms_of_quantized_files_run(tmp_path: Path) -> None:
    expected = by_ncnn(tmp_path, image())
    for name in (tiny_onnx.write_qdq(tmp_path), tiny_onnx.write_qlinear(tmp_path)):
        found = run(tmp_path / name, image())
        np.testing.assert_allclose(found, expected, atol=0.02)
        assert not np.allclose(found, expected, atol=1e-6)


def test_a_session_has_one_thread(tmp_path: Path) -> None:
    """Every worker thread of an evaluation opens its own."""
    from pytest_quant.nets.onnxruntime.session import OnnxSession

    options = OnnxSession(tmp_path / tiny_onnx.write_onnx(tmp_path))._session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)


def test_open_axes_take_any_size(tmp_path: Path) -> None:
    path = tmp_path / tiny_onnx.write_onnx(tmp_path, shape=(1, 3, "h", "w"))
    np.testing.assert_allclose(run(path, image(5, 9)), by_ncnn(tmp_path, image(5, 9)), rtol=1e-5)


def test_another_size_than_the_file_fixes(tmp_path: Path) -> None:
    path = tmp_path / tiny_onnx.write_onnx(tmp_path)
    with pytest.raises(RunnerError, match="width 9 and height 5, the file fixes them to"):
        run(path, image(5, 9))


def test_inputs_are_checked_as_for_ncnn(tmp_path: Path) -> None:
    runner = open_runner(model(tmp_path / tiny_onnx.write_onnx(tmp_path)), "onnx")
    for bad, words in (
        (image().astype(np.float64), "dtype float64"),
        (image()[None], "no batch dimension"),
        (image() * np.nan, "not finite"),
    ):
        with pytest.raises(RunnerError, match=words):
            runner.run(bad)


def test_outputs_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    path = tmp_path / tiny_onnx.write_onnx(tmp_path, shift=np.inf)
    with pytest.raises(RunnerError, match="output blob 'prob' holds 4 of 4 values that are not finite"):
        run(path, image())


def test_weights_beside_the_file(tmp_path: Path) -> None:
    path = tmp_path / tiny_onnx.write_onnx(tmp_path)
    tiny_onnx.put_weights_beside(path)
    np.testing.assert_allclose(run(path, image()), by_ncnn(tmp_path, image()), rtol=1e-5)


def test_an_operator_that_the_runtime_does_not_have(tmp_path: Path) -> None:
    path = tmp_path / tiny_onnx.write_onnx(tmp_path)
    broken = onnx.load(path)
    broken.graph.node[0].domain = "nobody.knows"
    broken.opset_import.append(onnx.helper.make_opsetid("nobody.knows", 1))
    onnx.save(broken, path)
    with pytest.raises((ModelFileError, RunnerError)) as caught:
        run(path, image())
    assert runtime_of(model(path), "onnx") in str(caught.value)
    assert "nobody.knows" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_graph_that_does_not_take_what_it_says(tmp_path: Path) -> None:
    """The image says 3 channels, the weights 2: the checker does not see that, the runtime does."""
    path = tmp_path / tiny_onnx.write_onnx(tmp_path, shape=("n", 3, "h", "w"))
    broken = onnx.load(path)
    weights = onnx.numpy_helper.to_array(broken.graph.initializer[0])[:, :2]
    broken.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(weights, "w"))
    onnx.save(broken, path)
    with pytest.raises((ModelFileError, RunnerError), match=r"cannot (run|load) it"):
        run(path, image())


def test_a_net_that_the_model_has_not(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="m: has no `onnx_int8` in"):
        open_runner(model(tmp_path / tiny_onnx.write_onnx(tmp_path)), "onnx_int8")


def test_names_of_runtimes(tmp_path: Path) -> None:
    found = model(tmp_path / tiny_onnx.write_onnx(tmp_path))
    assert runtime_of(found, "int8").startswith("ncnn ")
    assert runtime_of(found, "onnx") == f"onnxruntime {onnxruntime.__version__}"


def test_a_runner_of_a_file_by_itself(tmp_path: Path) -> None:
    path = tmp_path / tiny_onnx.write_onnx(tmp_path, more_outputs=True)
    found = model(path)
    net = replace(found.net("onnx"), input_name="image", output_names=("probabilities",))
    assert OnnxruntimeFormat().open(net).run(image())["prob"].shape == (tiny.CLASSES,)
