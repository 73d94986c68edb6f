"""How exact ncnn's int8 grouped convolutions are, by outputs per group and by what reads them.

    python -m benchmarks.grouped_int8

One grouped 3 x 3 convolution of random weights, alone (its output is float) or before an int8 1 x 1 convolution (its
output stays int8), against the float net: signal to noise in dB, 30 to 40 where all is well. ncnn 1.0.20261020 on x86
answers with what lies in memory where the output is float and a group has a multiple of 8 outputs; without its packed
layouts, the last column, the same files are right. The four grouped stages of ResNeXt-50 32x4d are among the rows;
there an int8 convolution follows.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import ncnn
import numpy as np
from numpy.typing import NDArray

from pytest_quant.nets.ncnn.blobs import BlobExtractor
from pytest_quant.nets.ncnn.files.writer import pack_bare, pack_fp32
from pytest_quant.nets.ncnn.ncnn_net import ncnn_version
from pytest_quant.nets.ncnn.options import runtime_options
from pytest_quant.quantize.calibration import calibrate
from pytest_quant.quantize.lower import quantize_model

Array = NDArray[np.float32]

CASES = ((16, 16), (16, 4), (16, 2), (48, 4), (64, 8), (128, 32), (256, 32), (512, 32), (1024, 32))
"""Channels and groups."""
_SIDE = 14


def write_net(folder: Path, channels: int, groups: int, *, followed: bool) -> None:
    """Write ``net.param`` and ``net.bin``."""
    rng = np.random.default_rng(channels + groups)
    fan_in = channels // groups * 9
    top = "mid" if followed else "out"
    lines = [
        "Input in 0 1 in",
        f"ConvolutionDepthWise grouped 1 1 in {top} 0={channels} 1=3 4=1 5=1 6={channels * fan_in} 7={groups} 9=1",
    ]
    data = pack_fp32(rng.normal(0, np.sqrt(2 / fan_in), channels * fan_in).astype(np.float32))
    data += pack_bare(rng.normal(0, 0.1, channels))
    if followed:
        lines.append(f"Convolution last 1 1 mid out 0={channels} 1=1 5=1 6={channels**2}")
        data += pack_fp32(rng.normal(0, channels**-0.5, channels**2).astype(np.float32)) + pack_bare(np.zeros(channels))
    (folder / "net.param").write_text("\n".join(["7767517", f"{len(lines)} {len(lines)}", *lines]) + "\n")
    (folder / "net.bin").write_bytes(data)


def output(folder: Path, name: str, array: Array, *, packed: bool = True) -> Array:
    """One forward pass."""
    net = ncnn.Net()
    net.opt.num_threads = 1
    for option, value in {**runtime_options("reference"), "use_packing_layout": packed}.items():
        setattr(net.opt, option, value)
    assert net.load_param(str(folder / f"{name}.param")) == 0
    assert net.load_model(str(folder / f"{name}.bin")) == 0
    given = ncnn.Mat(array).clone()
    with net.create_extractor() as extractor:
        extractor.input("in", given)
        code, found = extractor.extract("out")
        assert code == 0
        return np.array(found.numpy(), np.float32)


def signal_to_noise_db(wanted: Array, found: Array) -> float:
    """Minus infinity where the values found are not numbers or beyond all measure."""
    with np.errstate(all="ignore"):
        noise = float(((found.astype(np.float64) - wanted) ** 2).sum())
        signal = float((wanted.astype(np.float64) ** 2).sum())
        return 10 * float(np.log10(signal / noise)) if np.isfinite(noise) else float("-inf")


def measure(folder: Path, channels: int, groups: int, *, followed: bool) -> tuple[float, float]:
    """Signal to noise with and without packed layouts."""
    write_net(folder, channels, groups, followed=followed)
    net = (folder / "net.param", folder / "net.bin")
    rng = np.random.default_rng(0)
    inputs = [rng.normal(0, 1, (channels, _SIDE, _SIDE)).astype(np.float32) for _ in range(2)]
    table = calibrate(*net, lambda: inputs, lambda: BlobExtractor(*net), method="minmax")
    quantize_model(*net, table, folder / "int8.param", folder / "int8.bin")
    wanted = output(folder, "net", inputs[0])
    with_packing, without = (output(folder, "int8", inputs[0], packed=packed) for packed in (True, False))
    return signal_to_noise_db(wanted, with_packing), signal_to_noise_db(wanted, without)


def main() -> None:
    print(f"ncnn {ncnn_version()}")
    print(f"{'channels':>8} {'groups':>6} {'outputs per group':>17}  {'then':12} {'dB':>7} {'not packed':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for channels, groups in CASES:
            for followed in (False, True):
                packed, plain = measure(Path(folder), channels, groups, followed=followed)
                then = "int8 1 x 1" if followed else "float output"
                print(f"{channels:8} {groups:6} {channels // groups:17}  {then:12} {packed:7.1f} {plain:10.1f}")


if __name__ == "__main__":
    main()
