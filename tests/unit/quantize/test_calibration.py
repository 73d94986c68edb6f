from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_quant.evaluation.engine.engine import private_engine
from pytest_quant.evaluation.engine.events import Event, ShardDone
from pytest_quant.nets.ncnn.blobs import BlobExtractor
from pytest_quant.nets.ncnn.files import lint_table, read_param, read_table
from pytest_quant.quantize.activations import BlobStats, Extract, Source, collect
from pytest_quant.quantize.calibration import Method, calibrate
from pytest_quant.quantize.inputs import GiveInputs
from pytest_quant.quantize.kl import kl_clip
from pytest_quant.quantize.lower import quantize_model
from pytest_quant.spec.errors import ModelFileError, QuantError

from .nets import Net, images, shared, write_net

Array = NDArray[np.float32]


@pytest.fixture
def net(tmp_path: Path) -> Net:
    return write_net(tmp_path)


def _opener(net: Net) -> Callable[[], BlobExtractor]:
    return lambda: BlobExtractor(*net.paths)


@pytest.mark.parametrize("method", ["kl", "aciq", "minmax", "percentile", "mse"])
def test_every_method_gives_a_table_of_this_model(net: Net, method: Method) -> None:
    table = calibrate(*net.paths, lambda: images(5), _opener(net), method=method)
    assert lint_table(table, read_param(net.param)) == []
    assert list(table.activations) == ["conv1", "dw", "conv2", "fc"]
    assert table.activations["dw"] == table.activations["conv2"]  # both read the same values


def test_minmax_is_the_largest_value(net: Net) -> None:
    inputs = images(5)
    table = calibrate(*net.paths, lambda: inputs, _opener(net), method="minmax")
    assert table.activations["conv1"] == pytest.approx(127 / max(np.abs(x).max() for x in inputs), rel=1e-6)


def test_percentile_clips_an_outlier(net: Net) -> None:
    inputs = images(20)
    inputs[7][0, 0, 0] = 60.0
    minmax = calibrate(*net.paths, lambda: inputs, _opener(net), method="minmax")
    clipped = calibrate(*net.paths, lambda: inputs, _opener(net), method="percentile", percentile=99)
    assert minmax.activations["conv1"] == pytest.approx(127 / 60)
    assert clipped.activations["conv1"] > 10 * minmax.activations["conv1"]


@pytest.mark.parametrize("method", ["kl", "aciq"])
def test_threads_change_nothing(net: Net, method: Method) -> None:
    serial = calibrate(*net.paths, lambda: iter(images(30)), _opener(net), method=method)
    with private_engine(3) as engine:
        assert calibrate(*net.paths, lambda: iter(images(30)), _opener(net), method=method, engine=engine) == serial


def test_progress_counts_both_passes(net: Net) -> None:
    seen: list[Event] = []
    with private_engine(2) as engine:
        calibrate(*net.paths, lambda: images(20), _opener(net), engine=replace(engine, listener=seen.append))
    done = Counter[str]()
    for event in seen:
        if isinstance(event, ShardDone):
            done[event.stage] += event.samples
    assert done == {"calibration, absmax": 20, "calibration, histogram": 20}


def test_aciq_needs_one_pass_and_the_last_input_counts(net: Net) -> None:
    passes = 0

    def inputs() -> list[Array]:
        nonlocal passes
        passes += 1
        return images(3)

    calibrate(*net.paths, inputs, _opener(net), method="aciq")
    assert passes == 1


def _constant(blobs: dict[str, Array]) -> Callable[[Array, Sequence[str]], Iterable[tuple[str, Array]]]:
    return lambda _, names: [(name, blobs[name]) for name in names]


def statistics(inputs: GiveInputs, extract: Extract, blob: str) -> BlobStats:
    """Of one blob, after both passes."""
    with private_engine() as engine:
        return collect(Source(inputs), lambda: extract, [blob], histograms=True, engine=engine)[blob]


def test_statistics_by_hand() -> None:
    values = np.array([[[0, 0, -4, 1, 4, 2.001]]], np.float32)
    stats = statistics(lambda: images(2), _constant({"a": values}), "a")
    assert (stats.absmax, stats.last_input, stats.last_count, stats.zeros) == (4.0, 1, 6, 4)
    assert {int(i): int(stats.histogram[i]) for i in np.flatnonzero(stats.histogram)} == {512: 2, 1024: 2, 2047: 4}


def test_no_input(net: Net) -> None:
    with pytest.raises(QuantError, match="no calibration input"):
        calibrate(*net.paths, list, _opener(net))


def test_inputs_that_run_dry(net: Net) -> None:
    once = iter(images(3))
    with pytest.raises(QuantError, match="changed between two passes: 3, then 0"):
        calibrate(*net.paths, lambda: once, _opener(net))


def test_values_that_are_not_finite() -> None:
    bad = _constant({"a": np.array([[[np.nan]]], np.float32)})
    with pytest.raises(QuantError, match="calibration input 0 makes blob 'a'"):
        statistics(lambda: images(2), bad, "a")


@pytest.mark.parametrize("failing_first", [True, False])
def test_an_error_in_one_thread_ends_the_others(net: Net, failing_first: bool) -> None:
    taken = 0

    def inputs() -> Iterable[Array]:
        nonlocal taken
        for image in images(1) * 100_000:
            taken += 1
            yield image

    def fails(_: Array, __: Sequence[str]) -> Iterable[tuple[str, Array]]:
        raise ValueError("broken")

    good = BlobExtractor(*net.paths)
    opened: Iterator[Extract] = iter([fails, good] if failing_first else [good, fails])
    with pytest.raises(ValueError, match="broken"), private_engine(2) as engine:
        collect(Source(inputs), lambda: next(opened), ["out0"], histograms=False, engine=engine)
    assert taken < 100_000


def test_a_blob_of_zeros(net: Net) -> None:
    for scale in (1.0, math.inf):
        table = calibrate(
            *net.paths, lambda: [np.zeros((3, 8, 8), np.float32)], _opener(net), method="minmax", zero_scale=scale
        )
        assert table.activations["conv1"] == scale


def test_a_quantized_net_is_refused(net: Net, tmp_path: Path) -> None:
    table = calibrate(*net.paths, lambda: images(1), _opener(net))
    int8 = Net(tmp_path / "int8.param", tmp_path / "int8.bin")
    quantize_model(*net.paths, table, *int8.paths)
    with pytest.raises(ModelFileError, match="quantized already"):
        calibrate(*int8.paths, lambda: images(1), _opener(int8))


def test_a_net_without_quantizable_layers(tmp_path: Path) -> None:
    net = Net(tmp_path / "net.param", tmp_path / "net.bin")
    net.param.write_text("7767517\n2 2\nInput in 0 1 in0\nReLU relu 1 1 in0 out0\n")
    net.bin.write_bytes(b"")
    with pytest.raises(QuantError, match="to calibrate"):
        calibrate(*net.paths, lambda: images(1), _opener(net))
    # a first layer that works in place
    assert dict(BlobExtractor(*net.paths)(images(1)[0], ["out0"]))["out0"].min() == 0


def test_real_input_scale_from_the_tools_own_images() -> None:
    """The input blob of resnet20: its scale needs the images alone, all 475 of them."""
    mean, std = (np.array(x, np.float32) for x in ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)))
    folder = shared("data/cifar10/calibration")
    decoded = [cv2.imread(str(path), cv2.IMREAD_COLOR) for path in sorted(folder.glob("*.png"))]
    pixels = [np.asarray(image, np.float32)[:, :, ::-1] for image in decoded if image is not None]
    assert len(pixels) == 475
    arrays = [((image - mean) / std).astype(np.float32).transpose(2, 0, 1) for image in pixels]
    whole = np.stack(arrays)
    stats = {"in0": statistics(lambda: [whole], lambda array, _: [("in0", array)], "in0")}
    expected = read_table(shared("models/resnet20-cifar10/resnet20.table")).activations["convrelu_0"]
    assert 127 / kl_clip(stats["in0"].histogram, stats["in0"].absmax) == pytest.approx(expected, rel=1e-6)
