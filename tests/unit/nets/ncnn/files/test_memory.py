"""What lives at the same time while ncnn runs a net, held against what it takes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_quant.nets.ncnn.files.flow import check_flow
from pytest_quant.nets.ncnn.files.param import Param
from pytest_quant.spec.errors import ModelFileError
from tests.unit.nets.ncnn.files.test_flow import param_of

DATA = (3, 8, 8)
WIDE = "0=1 3=16000 4=16000"
"""Of an Interp: of four channels it makes 3.8 GiB."""
TO_ONE = "0=1 4=1"
"""Of a Pooling: each channel to one value."""


@pytest.mark.parametrize(
    ("lines", "outputs", "says"),
    [
        (
            [f"Interp i 1 1 a x {WIDE}", f"Interp j 1 1 b y {WIDE}", "BinaryOp e 2 1 x y z 0=0"],
            ["z"],
            "layer 'e' (BinaryOp): when it runs, blobs take 11.4 GiB at once ('x' 3.8 GiB and 'y' 3.8 GiB and "
            "'z' 3.8 GiB); those of a net may take 8.0 GiB",
        ),
        (
            [
                f"Interp i 1 1 a x {WIDE}",
                "Split t 1 3 x x1 x2 x3",
                "ReLU r 1 1 x1 p",
                "ReLU q 1 1 x2 q",
                "Noop n 1 1 b m",
            ],
            ["x3", "p", "q"],
            "layer 'q' (ReLU): when it runs, blobs take 11.4 GiB at once",
        ),
        ([f"Interp i 1 1 a x {WIDE}", f"Interp j 1 1 b y {WIDE}", f"Pooling p 1 1 data z {TO_ONE}"], ["y", "x"], None),
    ],
)
def test_blobs_that_are_too_large_together(
    tmp_path: Path, lines: list[str], outputs: list[str], says: str | None
) -> None:
    param = param_of(tmp_path, "Split s 1 2 conv a b", *lines)
    check_flow(param, {"data": DATA})  # nothing is asked for
    if says is None:
        check_flow(param, {"data": DATA}, outputs)
        return
    with pytest.raises(ModelFileError, match=re.escape(says)):
        check_flow(param, {"data": DATA}, outputs)


@pytest.mark.parametrize(
    "lines",
    [
        [f"Interp i 1 1 conv x {WIDE}", *(f"ReLU r{n} 1 1 x{n or ''} x{n + 1}" for n in range(9))],
        [f"Interp i 1 1 conv x {WIDE}", *(f"Convolution c{n} 1 1 x{n or ''} x{n + 1} 0=4 1=1 6=16" for n in range(9))],
    ],
    ids=["in place", "one after the other"],
)
def test_a_long_net_takes_no_more_than_a_short_one(tmp_path: Path, lines: list[str]) -> None:
    check_flow(param_of(tmp_path, *lines), {"data": DATA}, ["x9"])


def test_ncnn_goes_depth_first_whatever_the_order_of_the_lines(tmp_path: Path) -> None:
    """The first branch has become one value for each channel when the second begins."""
    branches = [f"Interp i{n} 1 1 c{n} x{n} {WIDE}" for n in range(9)]
    ends = [f"Pooling p{n} 1 1 x{n} y{n} {TO_ONE}" for n in range(9)]
    names = [" ".join(f"{name}{n}" for n in range(9)) for name in "cy"]
    lines = [f"Split s 1 9 conv {names[0]}", *branches, *ends, f"Concat c 9 1 {names[1]} z"]
    check_flow(param_of(tmp_path, *lines), {"data": DATA}, ["z"])
    with pytest.raises(ModelFileError, match="at once"):
        check_flow(param_of(tmp_path, *lines), {"data": DATA}, [*(f"x{n}" for n in range(9)), "z"])


def test_of_what_holds_codes_a_value_takes_a_byte(tmp_path: Path) -> None:
    codes = ["Split s 1 4 conv a b c d", *(f"Interp {n} 1 1 {n} {n}x {WIDE}" for n in "abcd")]
    lines = [*codes, *(f"Quantize q{n} 1 1 {n}x {n}q 0=1" for n in "abcd")]
    check_flow(param_of(tmp_path, *lines), {"data": DATA}, ["aq", "bq", "cq", "dq"])


SMALL = "0=1 3=1280 4=1280"
"""25 MiB of four channels."""
NETS = [
    ([f"Interp i 1 1 conv x {SMALL}", f"Pooling p 1 1 x z {TO_ONE}"], 25),
    ([f"Interp i 1 1 conv x {SMALL}", "ReLU r 1 1 x y", f"Pooling p 1 1 y z {TO_ONE}"], 25),
    ([f"Interp i 1 1 conv x {SMALL}", "Convolution c 1 1 x y 0=4 1=1 6=16", f"Pooling p 1 1 y z {TO_ONE}"], 50),
    (
        [
            *(f"Interp i 1 1 conv x {SMALL}", "Split s 1 3 x a b c", "Sigmoid g 1 1 a d", "Swish w 1 1 b e"),
            *("Concat k 3 1 c d e f", f"Pooling p 1 1 f z {TO_ONE}"),
        ],
        150,
    ),
    (
        [
            *("Split s 1 2 conv a b", f"Interp i 1 1 a x {SMALL}", f"Interp j 1 1 b y {SMALL}"),
            *(f"Pooling p 1 1 x u {TO_ONE}", f"Pooling q 1 1 y v {TO_ONE}", "Eltwise e 2 1 u v z 0=1"),
        ],
        25,
    ),
    (
        [
            *(f"Interp i 1 1 conv x {SMALL}", "Slice s 1 2 x a b -23300=2,640,640 1=1", "Eltwise e 2 1 a b c"),
            f"Pooling p 1 1 c z {TO_ONE}",
        ],
        50,
    ),
    (
        [
            *(f"Interp i 1 1 conv x {SMALL}", "Flatten f 1 1 x a", "Reshape r 1 1 a b 0=1280 1=1280 2=4"),
            *("Noop n 1 1 b d", f"Pooling p 1 1 d z {TO_ONE}"),
        ],
        25,
    ),
]
"""A net whose output is ``z``, and how many MiB of it certainly live at once."""
IN_CHILD = """
import os, re, sys
import ncnn, numpy as np
def peak():
    return int(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1])
net = ncnn.Net()
net.opt.num_threads = 1
assert net.load_param(sys.argv[1]) == 0 and net.load_model(sys.argv[2]) == 0
array = np.ones((3, 8, 8), np.float32)
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
before = peak()
with net.create_extractor() as extractor:
    extractor.input("data", ncnn.Mat(array).clone())
    assert extractor.extract("z")[0] == 0
print(peak() - before, flush=True)
os._exit(0)
"""


def _params(folder: Path) -> list[Param]:
    found = []
    for number, (lines, _) in enumerate(NETS):
        (folder / str(number)).mkdir()
        found.append(param_of(folder / str(number), *lines))
    return found


def test_the_bound_lies_where_the_least_does(tmp_path: Path) -> None:
    for param, (_, mib) in zip(_params(tmp_path), NETS, strict=True):
        check_flow(param, {"data": DATA}, ["z"], (mib + 1) << 20)
        with pytest.raises(ModelFileError, match="at once"):
            check_flow(param, {"data": DATA}, ["z"], (mib - 1) << 20)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux tells and resets the peak")
def test_what_is_counted_is_what_ncnn_takes_at_the_least(tmp_path: Path) -> None:
    weights = tmp_path / "net.bin"
    weights.write_bytes(b"\0" * 10_000)
    for param, (lines, mib) in zip(_params(tmp_path), NETS, strict=True):
        command = [sys.executable, "-c", IN_CHILD, str(param.path), str(weights)]
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
        assert mib - 1 <= int(said) >> 10, lines
