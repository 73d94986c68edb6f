"""Inputs that a net reads in memory of both sides: only where it leaves them as they are, and with equal outputs."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import ncnn
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_quant.nets.ncnn.feeding import Feeding
from pytest_quant.nets.ncnn.ncnn_net import NcnnRunner, NetSetup
from pytest_quant.nets.ncnn.net_files import NcnnFiles
from pytest_quant.nets.ncnn.options import runtime_options
from pytest_quant.nets.remote import far_side
from pytest_quant.nets.remote.remote_net import RemoteRunner, RemoteSetup
from pytest_quant.nets.remote.shared_inputs import SharedInputs
from pytest_quant.nets.remote.target import Target
from tests.tiny import write_net

CONVOLUTION = "Convolution first 1 1 data prob 0=4 1=3 5=1 6=108"
DEPTHWISE = "ConvolutionDepthWise first 1 1 data prob 0=3 1=3 5=1 6=27 7=3"
LAYERS = {
    "a convolution": ([CONVOLUTION], True),
    "a padded one": ([f"{CONVOLUTION} 4=1"], True),
    "one by depth": ([DEPTHWISE], True),
    "a layer in place": (["ReLU first 1 1 data prob 0=0.1"], False),
    "a layer in place behind two readers": (
        ["Split split 1 2 data a b", "ReLU left 1 1 a c", "BinaryOp sum 2 1 b c prob"],
        False,
    ),
    "a layer that hands it on": (["Reshape first 1 1 data a 0=-1", "ReLU last 1 1 a prob 0=0.1"], False),
}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTEST_QUANT_TARGET_CACHE", str(tmp_path_factory.mktemp("kept")))
        found = Target(f"popen//python={sys.executable}")
        assert found.connection().shared is not None, "this system sets memory aside"
    yield found
    found.close()


def written(folder: Path, layers: list[str]) -> NcnnFiles:
    """A net of these layers behind its input; a convolution finds weights in any number."""
    blobs = {name for line in layers for name in line.split()[4:] if "=" not in name} - {"1", "2"}
    text = "\n".join(["7767517", f"{len(layers) + 1} {len(blobs)}", "Input data 0 1 data", *layers])
    (folder / "net.param").write_text(f"{text}\n")
    weights = np.random.default_rng(1).normal(size=112).astype("<f4")
    (folder / "net.bin").write_bytes(struct.pack("<I", 0) + weights.tobytes())
    return NcnnFiles(param=folder / "net.param", bin=folder / "net.bin")


def loaded(files: NcnnFiles) -> ncnn.Net:
    net = ncnn.Net()
    net.load_param(str(files.param))
    net.load_model(str(files.bin))
    return net


@pytest.mark.parametrize("first", LAYERS)
def test_an_input_is_lent_to_a_net_that_only_reads_it(first: str, tmp_path: Path) -> None:
    layers, is_lent = LAYERS[first]
    assert far_side.lent(loaded(written(tmp_path, layers))) == ({"data"} if is_lent else set())


@pytest.mark.parametrize("side", [7, 8])
@pytest.mark.parametrize("first", [*LAYERS, "an int8 one"])
def test_a_net_gives_there_what_it_gives_here(first: str, side: int, target: Target, tmp_path: Path) -> None:
    """Also where a channel of the input is no multiple of 16 bytes, which ncnn's own memory pads."""
    if first == "an int8 one":
        write_net(tmp_path, "net", int8=True)
        files = NcnnFiles(param=tmp_path / "net.param", bin=tmp_path / "net.bin")
        assert far_side.lent(loaded(files)) == {"data"}
    else:
        files = written(tmp_path, LAYERS[first][0])
    here = NcnnRunner(NetSetup(files, "data", ("prob",), "reference"))
    options = runtime_options("reference")
    there = RemoteRunner(RemoteSetup(files.param, files.bin, Feeding("data", 3), ("prob",), options), target)
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(3, side, side)).astype(np.float32) for _ in range(4)]
    for array in inputs:
        there.ahead(array)
    there.no_more()
    for array in inputs:
        assert np.array_equal(there.run(array)["prob"], here.run(array)["prob"])
    there.close()


@given(
    st.lists(st.integers(1, 7), min_size=1, max_size=4),
    st.sampled_from(["<f4", "<i4", ">f4", "<f8", "<f2"]),
)
def test_an_input_lies_there_as_ncnn_lays_it_out(shape: list[int], dtype: str) -> None:
    shared = SharedInputs.make(1 << 16)
    assert shared is not None
    memory = far_side.seen((str(shared.path), shared.token, shared.size))
    shared.hide()
    array = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    place = shared.put(array)
    assert place is not None
    (blobs,) = far_side.given([[("data", array.dtype.newbyteorder("<").str, shape, place)]], b"", memory)
    assert np.array_equal(blobs["data"], array)
    if array.itemsize == 4:
        lent, own = (far_side.mat_of(blobs["data"], is_lent=is_lent) for is_lent in (True, False))
        assert len(shape) < 3 or shape[0] == 1 or lent.cstep == own.cstep
        for mat in (lent, own):
            assert np.array_equal(np.array(mat).view(blobs["data"].dtype), array)


def test_behind_the_last_input_there_is_memory() -> None:
    """A kernel may read as far behind an input as behind ncnn's own memory."""
    shared = SharedInputs.make(4096)
    assert shared is not None
    shared.hide()
    assert shared.put(np.zeros((4096 - 128) // 4, np.float32)) == 64
    shared.give_back(64)
    assert shared.put(np.zeros((4096 - 124) // 4, np.float32)) is None


def test_what_came_through_the_pipe_is_copied() -> None:
    """It begins wherever the text before it ended."""
    (blobs,) = far_side.given([[("data", "<f4", [3, 7, 7], None)]], bytes(4 * 3 * 7 * 7), None)
    assert isinstance(blobs["data"].base, bytes)
    assert far_side.mat_of(blobs["data"], is_lent=False).cstep == 52
