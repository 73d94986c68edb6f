"""Sizes that a layer computes from those of its inputs, held against what ncnn makes of them."""

from __future__ import annotations

from pathlib import Path

import ncnn
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pytest_quant.nets.ncnn.files.arity import check_arity
from pytest_quant.nets.ncnn.files.blob_shape import MaybeShape
from pytest_quant.nets.ncnn.files.expressions import evaluated, listed_parts
from pytest_quant.nets.ncnn.files.flow import check_flow
from pytest_quant.nets.ncnn.files.shapes import output_shapes
from pytest_quant.spec.errors import ModelFileError
from tests.unit.nets.ncnn.files.test_flow import param_of

SHAPE = (300, 10, 7)
"""Of an input: ``0w`` is 7, ``0h`` 10, ``0d`` 1, ``0c`` 300."""
VALUES = 300 * 10 * 7
SAME = [
    ("12abc", 12),
    (" +12 ", 12),
    (".5e1", 5),
    ("-(16777217,16777000)", 217),
    ("-(+(0.5,16777217),16777000)", 216),
    ("-(*(1.5,16777217),25165000)", 824),
    ("/(0w,2)", 3),
    ("round(/(0w,2))", 4),
    ("neg(round(-2.5))", 3),
    ("round(0.49999997),3", 0),
    ("ceil(2.000001)", 3),
    ("*(10,trunc(2.9))", 20),
    ("//(-7,2),9", -3),
    ("neg(//(-7.0,2.5))", 3),
    ("neg(fmod(-7,3))", 1),
    ("remainder(-7,3)", 2),
    ("*(10,square(1.1))", 12),
    ("sqrt(50)", 7),
    ("reciprocal(0.1)", 10),
    ("*(100,reciprocal(3))", 33),
    ("xor(6,3)", 5),
    ("lshift(0h,4)", 160),
    ("rshift(-7,1),8", -4),
    ("max(0w,0h)", 10),
    ("min(0w,6.9)", 6),
    ("sign(0.25)", 1),
    ("+(4,//(0c,-(0h,-1e99)))", 4),
    ("min(0h,/(1,0))", 10),
]
UNKNOWN = [
    *("exp(1.5)", "sin(0w)", "pow(2,3)", "rsqrt(0.25)", "0n", "neg(exp(2))", "1e-40", "//(0w,exp(1))"),
    *("floor(log(9))", "12e", "1.5E", "and(exp(1),2)", "0.50000002980232238769531250001"),
]
MALFORMED = [
    (",", "which is empty"),
    ("()", "which is empty"),
    ("+(0w)", "in which '+' has 1 of 2 operands"),
    ("*", "in which '*' has 0 of 2 operands"),
    ("neg", "in which 'neg' has 0 of 1 operands"),
    ("1w,8", "and '1w' is of input 1, counted from 0: it reads 1"),
    ("//(0w,-(0h,0h))", "which divides 7 by 0"),
    ("//(-2147483648,-1)", "in which '//' gives 2147483648, which does not fit into 32 bits"),
    *((f"64,{text}", f"in which {text!r} is no plain number") for text in ("nan", "-inf", "0x10", " Infinity")),
    ("trunc(3e9)", "in which 3e+09 is to be an integer of 32 bits"),
    ("99999999999", "in which 1e+11 is to be an integer of 32 bits"),
    ("1e99", "in which inf is to be an integer of 32 bits"),
    ("/(1,0)", "in which inf is to be an integer of 32 bits"),
    ("*(65536,65536)", "in which '*' gives 4294967296, which does not fit into 32 bits"),
    ("neg(-2147483648)", "in which 'neg' gives 2147483648, which does not fit into 32 bits"),
    ("/(0.0,0)", "in which '/' gives no number"),
    ("sqrt(-1)", "in which 'sqrt' gives no number"),
    ("fmod(8,0)", "in which 'fmod' gives no number"),
    ("lshift(1,40)", "in which 'lshift' moves bits by 40"),
    ("and(1.5,2)", "in which 'and' takes integers"),
    ("width", "in which 'width' is neither a number, a size nor an operator"),
    ("+ (0w,1)", "in which '+ ' is neither"),
]


def made_by_ncnn(folder: Path, text: str) -> int:
    """The first size of two that ncnn's Reshape evaluates; from 1 to `VALUES`, or it reads beside its input."""
    path = folder / "expression.param"
    path.write_text(f'7767517\n2 2\nInput data 0 1 data\nReshape r 1 1 data out 6="{text},1"\n')
    net = ncnn.Net()
    net.opt.use_packing_layout = False
    assert not net.load_param(str(path))
    path.with_suffix(".bin").touch()
    assert not net.load_model(str(path.with_suffix(".bin")))
    extractor = net.create_extractor()
    extractor.input("data", ncnn.Mat(np.zeros(SHAPE, np.float32)).clone())
    failed, blob = extractor.extract("out")
    assert not failed
    return int(blob.w)


@pytest.mark.parametrize(("text", "size"), SAME)
def test_sizes(tmp_path: Path, text: str, size: int) -> None:
    assert evaluated(text, [SHAPE])[0] == size
    if size > 0:
        assert made_by_ncnn(tmp_path, text) == size


@pytest.mark.parametrize("text", UNKNOWN)
def test_what_is_not_the_same_everywhere_is_not_followed(text: str) -> None:
    assert evaluated(f"{text},0h", [SHAPE]) == (None, 10)


def test_a_size_that_is_not_known() -> None:
    assert evaluated("*(0w,2),0h,max(1c,floor(1d))", [(3, None, 8), None]) == (16, None, None)


LEAVES = st.one_of(
    st.sampled_from(["0w", "0h", "0c", "0d"]),
    st.integers(-40, 40).map(str),
    st.floats(-50, 50, width=32).map(lambda number: f"{number:.7g}"),
    st.sampled_from(["2.5", "-2.5", "0.1", "0.3", "1e3", "7.", "33554433"]),
)
ONE = ["abs", "ceil", "floor", "neg", "reciprocal", "round", "sign", "sqrt", "square", "trunc"]
TWO = ["*", "+", "-", "/", "//", "and", "fmod", "lshift", "max", "min", "or", "remainder", "rshift", "xor"]
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds("{}({})".format, st.sampled_from(ONE), inner),
        st.builds("{}({},{})".format, st.sampled_from(TWO), inner, inner),
    ),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(EXPRESSIONS)
def test_what_is_followed_is_what_ncnn_makes(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    try:
        (size,) = evaluated(text, [SHAPE])
    except ValueError:
        size = None
    assume(size is not None and 0 < size <= VALUES)
    folder = tmp_path_factory.getbasetemp()
    assert made_by_ncnn(folder, text) == size


@pytest.mark.parametrize(("text", "says"), MALFORMED)
def test_what_ncnn_cannot_evaluate(tmp_path: Path, text: str, says: str) -> None:
    for line, key in (
        (f'Reshape r 1 1 conv b 6="{text}"', 6),
        (f'Interp i 1 1 conv b 0=1 9="{text}"', 9),
        (f'Crop k 1 1 conv b 19="0" 20="{text}" 21="0"', 20),
    ):
        param = param_of(tmp_path, "Crop z 1 1 conv small 3=7 4=7 5=4", line.replace(" conv ", " small "))
        with pytest.raises(ModelFileError) as caught:
            check_flow(param, {"data": (3, 9, 9)})
        assert f"net.param:6: layer {line.split()[1]!r} ({line.split()[0]}): has the expression {text!r}" in str(
            caught.value
        )
        assert f"(parameter {key}), {says}" in str(caught.value)


WRONG = [
    ('Reshape r 1 1 conv b 6="0w,0h,0c,1,1"', "(parameter 6) of 5 sizes; a blob has 4"),
    ('Reshape r 1 1 conv b 6="(64,4)"', "which lists 1 sizes by its commas and 2 by its operators"),
    ('Reshape r 1 1 conv b 6="64,,4"', "which lists 3 sizes by its commas and 2 by its operators"),
    ('Reshape r 1 1 conv b 6="64,floor(4.5),2"', "makes 512 values (64x4x2) of the 256 that it reads (8x8x4)"),
    ('Reshape r 1 1 conv b 6="0w,round(-2.5)"', "makes a size of -3"),
    ('Interp i 1 1 conv b 0=1 9="5,6,7"', "(parameter 9) of 3 sizes: width and height are expected"),
    ('Interp i 1 1 conv b 0=1 9="5,-(0h,8)"', "its output 'b' would be 5x0x4"),
    ('Interp i 1 1 conv b 0=1 9="*(0w,10000000),0h"', "would be 80000000x8x4, 10 GiB"),
    ("Interp i 1 1 conv b 1=2.0 2=2.0", "has kind 0 (parameter 0), and ncnn knows 1 nearest, 2 bilinear, 3 bicubic"),
    (
        'Crop k 1 1 conv b 19="1" 20="3"',
        "has expressions for starts and ends (parameters 19 and 20), none for axes (21)",
    ),
    ('Crop k 1 1 conv b 19="1,1" 20="3,3,3" 21="0,1,2"', "has 2 starts and 3 ends for 3 axes"),
    ('Crop k 1 1 conv b 19="1,1,1,1,1" 20="3,3,3,3,3" 21="0,1,2,1,1"', "names 5 axes; a blob has 4"),
    ("Crop k 1 1 conv b -23309=1,1 -23310=1,2", "has 1 starts and 1 ends for 3 axes"),
    ("Crop k 1 1 conv b -23309=1,1 -23310=2,2,2 -23311=2,1,2", "has 1 starts and 2 ends for 2 axes"),
    ("CopyTo t 2 1 conv conv b -23309=1,0", "has 1 starts for 3 axes"),
    ('Crop k 1 1 conv b 19="-(0,+(0w,1))" 20="0w" 21="1"', "reads from -1 on along the height of 'conv'"),
    ('Crop k 1 1 conv b 19="0w" 20="99" 21="2"', "reads from 8 on along the width of 'conv', which has 8"),
    ('Crop k 1 1 conv b 19="5" 20="3" 21="1"', "its output 'b' would be 8x-2x4"),
]


@pytest.mark.parametrize(("line", "says"), WRONG)
def test_what_a_layer_with_expressions_cannot_take(tmp_path: Path, line: str, says: str) -> None:
    with pytest.raises(ModelFileError) as caught:
        check_flow(param_of(tmp_path, line), {"data": (3, 8, 8)})
    assert f"net.param:5: layer {line.split()[1]!r} ({line.split()[0]}): " in str(caught.value)
    assert says in str(caught.value)


def test_a_size_of_a_second_input_needs_one(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="reads 1 blob, a Interp reads 2 or more"):
        check_arity(param_of(tmp_path, "Interp i 1 1 conv b 0=1 5=1"))


def test_text_that_is_empty_or_no_text_counts_as_absent(tmp_path: Path) -> None:
    for line in ('Reshape r 1 1 conv b 0=64 1=4 6=""', "Reshape r 1 1 conv b 0=64 1=4 6=7"):
        param = param_of(tmp_path, line)
        shapes: list[MaybeShape] = output_shapes(param.layers[-1], [(4, 8, 8)])
        assert shapes == [(4, 64)]


def test_sizes_by_their_commas() -> None:
    assert [listed_parts(text) for text in ("1", "*(0w,2),3", "(1,2)", "1,,2", "")] == [1, 2, 1, 3, 1]
