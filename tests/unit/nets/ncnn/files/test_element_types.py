"""Halves and codes that a layer would take for floats."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.campaign.graphs import SOUND
from pytest_quant.nets.ncnn.files.element_types import check_stored
from pytest_quant.nets.ncnn.files.facts import net_facts
from pytest_quant.nets.ncnn.files.param import read_param
from pytest_quant.spec.errors import ModelFileError
from tests.unit.nets.ncnn.files.test_flow import param_of, real_nets

HALF, CODES = "Cast c 1 1 conv a 0=1 1=2", "Quantize q 1 1 conv a 0=1"
WRONG = [
    ((HALF, "Softmax s 1 1 a b"), "computes with float32, and 'a' holds float16"),
    ((HALF, "ReLU s 1 1 a b"), "computes with float32, and 'a' holds float16"),
    ((HALF, "Split p 1 2 a c d", "Flatten f 1 1 c e", "Reduction r 1 1 e b"), "and 'e' holds float16"),
    ((HALF, "Convolution s 1 1 a b 0=4 1=1 6=16 8=2"), "computes with float32, and 'a' holds float16"),
    ((HALF, "Cast d 1 1 a b 0=4 1=1"), "makes float32 of bfloat16, and 'a' holds float16"),
    ((HALF, "Cast d 1 1 a b 0=1 1=4"), "makes bfloat16 of float32, and 'a' holds float16"),
    ((CODES, "ReLU r 1 1 a e", "Cast d 1 1 e b 0=2 1=1"), "makes float32 of float16, and 'e' holds int8"),
    (("Cast d 1 1 conv b 0=2 1=1",), "makes float32 of float16, and 'conv' holds float32"),
    (("Cast d 1 1 conv b 0=0 1=1",), "makes type 1 of type 0 (parameters 1 and 0), which ncnn lacks"),
    (("Cast d 1 1 conv b 0=1 1=5",), "makes type 5 of type 1 (parameters 1 and 0), which ncnn lacks"),
    ((CODES, "Softmax s 1 1 a b"), "computes with float32, and 'a' holds int8"),
    ((CODES, "Convolution s 1 1 a b 0=4 1=1 6=16"), "computes with float32, and 'a' holds int8"),
    (
        ("Convolution q 1 1 conv a 0=4 1=3 6=144 8=102", "Sigmoid s 1 1 a b"),
        "computes with float32, and 'a' holds int8",
    ),
    (
        ("Convolution q 1 1 conv a 0=4 1=1 6=16 8=102", "Softmax s 1 1 a b"),
        "computes with float32, and 'a' holds int8",
    ),
]
FITTING = [
    (HALF, "Cast d 1 1 a b 0=2 1=1", "Softmax s 1 1 b e"),
    (HALF, "Whatever w 1 1 a b", "Softmax s 1 1 b e"),
    (CODES, "Pooling p 1 1 a b 0=0 1=2 2=2", "Cast c 1 1 b e 0=3 1=1", "Softmax s 1 1 e f"),
    (CODES, "Convolution s 1 1 a b 0=4 1=1 6=16 8=2", "Softmax t 1 1 b e"),
    ("Convolution q 1 1 conv a 0=4 1=3 6=144 8=102", "Split p 1 2 a c d", "InnerProduct i 1 1 c b 0=2 2=288 8=2"),
    ("Cast c 1 1 conv a 0=0 1=0", "Softmax s 1 1 a b"),
]


@pytest.mark.parametrize(("lines", "says"), WRONG, ids=lambda one: str(one[-1])[:20])
def test_what_a_layer_takes_for_floats(tmp_path: Path, lines: tuple[str, ...], says: str) -> None:
    with pytest.raises(ModelFileError) as caught:
        check_stored(param_of(tmp_path, *lines))
    assert f"net.param:{4 + len(lines)}: layer {lines[-1].split()[1]!r}" in str(caught.value)
    assert says in str(caught.value)
    with pytest.raises(ModelFileError, match=r"net\.param"):
        net_facts(param_of(tmp_path, *lines))


@pytest.mark.parametrize("lines", [*FITTING, *(tuple(rows.split("\n")) for rows in SOUND)], ids=lambda one: one[-1])
def test_what_fits(tmp_path: Path, lines: tuple[str, ...]) -> None:
    check_stored(param_of(tmp_path, *lines))


def test_real_nets_fit() -> None:
    assert real_nets()
    for path in real_nets():
        check_stored(read_param(path))


def test_a_parameter_that_is_no_number(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"parameter 0 is 1\.5, an integer is expected"):
        check_stored(param_of(tmp_path, "Cast c 1 1 conv a 0=1.5 1=2"))
