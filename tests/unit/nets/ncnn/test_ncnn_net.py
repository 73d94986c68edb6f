from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from pytest_quant.nets.base import Array
from pytest_quant.nets.ncnn.ncnn_net import NcnnRunner, NetSetup, ncnn_isa, ncnn_version
from pytest_quant.nets.ncnn.net_files import NcnnFiles
from pytest_quant.nets.ncnn.options import runtime_options
from pytest_quant.spec.errors import ModelFileError, RunnerError
from pytest_quant.spec.net import Runtime
from tests import tiny

SHAPE = (3, tiny.SIDE, tiny.SIDE)


def net_setup(
    folder: Path, *, int8: bool = False, outputs: tuple[str, ...] = ("prob",), runtime: Runtime = "reference"
) -> NetSetup:
    names = tiny.write_net(folder, "net", int8=int8)
    files = NcnnFiles(param=folder / names["param"], bin=folder / names["bin"])
    return NetSetup(files, "data", outputs, runtime, 3, (tiny.SIDE, tiny.SIDE))


def image(seed: int = 0) -> Array:
    return np.random.default_rng(seed).uniform(-1, 1, SHAPE).astype(np.float32)


def convolved(array: Array) -> Array:
    """What the net's one convolution gives, computed with NumPy."""
    return np.asarray(np.tensordot(tiny._WEIGHTS, array, 1) + tiny._BIAS[:, None, None], np.float32)


def softmax(scores: Array) -> Array:
    exponentials = np.exp(scores - scores.max())
    return np.asarray(exponentials / exponentials.sum(), np.float32)


def test_the_numbers_are_those_of_the_net(tmp_path: Path) -> None:
    runner = NcnnRunner(net_setup(tmp_path, outputs=("conv", "prob")))
    array = image()
    found = runner.run(array)
    runner.close()
    assert list(found) == ["conv", "prob"]
    np.testing.assert_allclose(found["conv"], convolved(array), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found["prob"].ravel(), softmax(convolved(array).mean(axis=(1, 2))), rtol=1e-5)


def test_outputs_come_in_any_order(tmp_path: Path) -> None:
    """ncnn frees a blob when the layer that reads it has run."""
    before, after = (NcnnRunner(net_setup(tmp_path, outputs=names)) for names in (("conv", "prob"), ("prob", "conv")))
    one, two = before.run(image()), after.run(image())
    before.close()
    after.close()
    assert list(two) == ["prob", "conv"]
    assert all(np.array_equal(one[name], two[name]) for name in two)


def test_the_int8_net_is_close_but_not_equal(tmp_path: Path) -> None:
    runner = NcnnRunner(net_setup(tmp_path, int8=True, outputs=("conv",)))
    array = image()
    found = runner.run(array)["conv"]
    runner.close()
    error = np.abs(found - convolved(array)).max()
    assert 0 < error < 0.1


def test_the_input_is_left_alone_and_outputs_are_own_copies(tmp_path: Path) -> None:
    runner = NcnnRunner(net_setup(tmp_path, outputs=("conv",)))
    array = image()
    before = array.copy()
    first = runner.run(array)["conv"]
    kept = first.copy()
    runner.run(image(1))
    runner.close()
    assert np.array_equal(array, before)
    assert np.array_equal(first, kept)
    assert first.flags.owndata


def test_a_strided_or_read_only_view_gives_what_its_copy_gives(tmp_path: Path) -> None:
    runner = NcnnRunner(net_setup(tmp_path))
    view = image().transpose(0, 2, 1)
    read_only = image().copy()
    read_only.flags.writeable = False
    assert np.array_equal(runner.run(view)["prob"], runner.run(view.copy())["prob"])
    assert np.array_equal(runner.run(read_only)["prob"], runner.run(image())["prob"])
    runner.close()


def test_temporary_inputs_live_long_enough(tmp_path: Path) -> None:
    runner = NcnnRunner(net_setup(tmp_path))
    expected = [runner.run(array)["prob"] for array in map(image, range(20))]
    for seed in range(20):
        assert np.array_equal(runner.run(image(seed).astype(np.float64).astype(np.float32))["prob"], expected[seed])
    runner.close()


def test_nets_in_several_threads_give_the_same(tmp_path: Path) -> None:
    net = net_setup(tmp_path, int8=True)
    single = NcnnRunner(net)
    expected = [single.run(image(seed))["prob"] for seed in range(30)]
    single.close()
    wrong: list[int] = []

    def work() -> None:
        runner = NcnnRunner(net)
        wrong.extend(seed for seed in range(30) if not np.array_equal(runner.run(image(seed))["prob"], expected[seed]))
        runner.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(SHAPE), "dtype float64"),
        (np.zeros((1, *SHAPE), np.float32), "no batch dimension"),
        (np.zeros((3, 4, 4), np.float32), "expected width 8 and height 8"),
        (np.full(SHAPE, np.nan, np.float32), "not finite"),
        ("image.png", "type str"),
    ],
)
def test_an_input_that_ncnn_would_misread_is_refused(tmp_path: Path, array: object, message: str) -> None:
    runner = NcnnRunner(net_setup(tmp_path))
    with pytest.raises(RunnerError, match=rf"net\.param: .*{message}"):
        runner.run(array)
    runner.close()


def test_a_blob_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    runner = NcnnRunner(net_setup(tmp_path, outputs=("prob", "logits")))
    with pytest.raises(RunnerError, match=r"net\.param: .*no output blob 'logits'"):
        runner.run(image())
    runner.close()
    files = net_setup(tmp_path).files
    runner = NcnnRunner(NetSetup(files, "in0", ("prob",), "reference"))
    with pytest.raises(RunnerError, match=r"net\.param: has no input blob 'in0'"):
        runner.run(image())
    runner.close()


@pytest.mark.parametrize("missing", ["param", "bin"])
def test_a_file_that_does_not_load_is_an_error_that_names_it(tmp_path: Path, missing: str) -> None:
    net = net_setup(tmp_path)
    (tmp_path / f"net.{missing}").unlink()
    with pytest.raises(
        ModelFileError, match=rf"net\.{missing}: (ncnn .* cannot load it \(return code -?\d+\)|no such)"
    ):
        NcnnRunner(net)


def test_reference_means_true_fp32_around_int8_layers(tmp_path: Path) -> None:
    options = runtime_options("reference")
    for name in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage"):
        assert options[name] is False
    assert runtime_options("deploy") == {}
    for runtime in ("reference", "deploy"):
        runner = NcnnRunner(net_setup(tmp_path, runtime=runtime))
        assert runner._net.opt.num_threads == 1
        if runtime == "reference":
            assert {name: getattr(runner._net.opt, name) for name in options} == options
        runner.close()


def test_version_and_instruction_sets_are_plain() -> None:
    assert ncnn_version().count(".") == 2
    assert set(ncnn_isa()) <= {"avx", "avx2", "neon", "asimdhp"}
