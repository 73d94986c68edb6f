"""What layers pass on to each other: numbers of blobs, channels, sizes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pytest_quant.nets.ncnn.blobs import BlobExtractor
from pytest_quant.nets.ncnn.files.arity import check_arity
from pytest_quant.nets.ncnn.files.blob_shape import MaybeShape
from pytest_quant.nets.ncnn.files.facts import inspect_net, net_facts
from pytest_quant.nets.ncnn.files.flow import check_flow
from pytest_quant.nets.ncnn.files.param import Param, read_param
from pytest_quant.nets.ncnn.files.shapes import output_shapes
from pytest_quant.spec.errors import ModelFileError
from tests.unit.nets.ncnn.files.nets import SHARED_MODELS

FIXTURES = Path(__file__).parents[5] / "fixtures" / "models"


def param_of(folder: Path, *lines: str) -> Param:
    """A net that feeds 3 x 8 x 8 into a convolution of four outputs, ``conv``, and goes on with these lines."""
    layers = ["Input data 0 1 data", "Convolution conv 1 1 data conv 0=4 1=1 5=0 6=12", *lines]
    blobs = sum(int(line.split()[3]) for line in layers)
    path = folder / "net.param"
    path.write_text("\n".join(["7767517", f"{len(layers)} {blobs}", *layers, ""]))
    return read_param(path)


ARITY = [
    ("Slice s 1 1 conv b", "writes 1 blob, a Slice of these parts (-23300 or -23302) writes none that it could make"),
    ("Slice s 1 1 conv b -23300=2,2,2", "writes 1 blob, a Slice of these parts (-23300 or -23302) writes 2"),
    ("Slice s 1 3 conv a b c -23302=1,2", "writes 3 blobs, a Slice of these parts (-23300 or -23302) writes 2"),
    ("Eltwise e 1 1 conv b", "reads 1 blob, a Eltwise reads 2 or more"),
    ("Concat c 0 1 b", "reads 0 blobs, a Concat reads 1 or more"),
    ("BinaryOp b 1 1 conv b 0=0", "reads 1 blob, a BinaryOp without a number as its second operand (1=1) reads 2"),
    ("Noop n 1 2 conv a b", "writes 2 blobs, a Noop writes 0 to 1"),
    ("ReLU r 0 1 b", "reads 0 blobs, a ReLU reads 1"),
    ("ReLU r 1 2 conv a b", "writes 2 blobs, a ReLU writes 1"),
    ("Split s 0 2 a b", "reads 0 blobs, a Split reads 1"),
    ("Crop c 1 1 conv b", "reads 1 blob, a Crop reads 2"),
    ("MatMul m 1 1 conv b", "reads 1 blob, a MatMul reads 2 or more"),
    ("Scale s 1 1 conv b 0=-233", "reads 1 blob, a Scale reads 2"),
]
FITTING = [
    ["BinaryOp b 1 1 conv b 0=0 1=1 2=1.5"],
    ["Noop n 1 1 conv b"],
    ["Split s 1 3 conv a b c", "Eltwise e 2 1 a b d", "BinaryOp f 2 1 c d g"],
    ["Slice s 1 2 conv a b -23300=2,-233,-233", "Concat c 2 1 b a d", "Pooling p 1 1 d q 0=1 4=1"],
    ["Crop c 1 1 conv b 3=2 4=2 5=4"],
    ["Interp i 1 1 conv b 0=2 1=2.0 2=2.0", "ConvolutionDepthWise d 1 1 b e 0=4 1=3 4=1 6=36 7=4"],
    ["Pooling p 1 1 conv q 0=1 4=1", "InnerProduct f 1 1 q g 0=5 1=0 2=20", "PReLU r 1 1 g h 0=5"],
    ["PReLU r 1 1 conv h 0=1", "Reshape s 1 1 h k 0=-1 1=4", "Permute t 1 1 k l 0=1"],
    ["Reorg r 1 1 conv a 0=2", "BatchNorm b 1 1 a c 0=16", "PixelShuffle p 1 1 c d 0=2", "PReLU e 1 1 d f 0=4"],
    ["Crop c 1 1 conv b 0=1 1=1 2=0 3=-233 4=6 5=4", "CopyTo t 2 1 conv b d 0=1 1=2", "PReLU r 1 1 d e 0=4"],
    ["Crop c 1 1 conv b -23309=2,-3,1 -23310=2,-1,99 -23311=2,1,2", "Crop d 2 1 conv b e 0=1"],
    ["Crop c 2 1 conv data b 2=1", "CopyTo t 2 1 conv data d -23309=1,1 -23311=1,0"],
    ["Normalize n 1 1 conv c 0=0 4=1"],
    ['Reshape r 1 1 conv b 6="sqrt(0w),-1"'],
    ["Whatever w 3 9 conv data data a b c d e f g h i 0=1"],
]
FLOW = [
    ("Convolution c 1 1 conv b 0=2 1=1 6=6", "has weights for 3 channels, and reads 4 from 'conv' (8x8x4)"),
    ("ConvolutionDepthWise c 1 1 conv b 0=3 1=1 6=3 7=3", "has weights for 3 channels, and reads 4 from 'conv'"),
    ("Deconvolution c 1 1 conv b 0=2 1=2 6=40", "has weights for 5 channels, and reads 4 from 'conv'"),
    ("BatchNorm n 1 1 conv b 0=1", "has values for 1 channels, and reads 4 from 'conv'"),
    ("PReLU n 1 1 conv b 0=400", "has values for 400 channels, and reads 4 from 'conv'"),
    ("Scale n 1 1 conv b 0=3", "has values for 3 channels, and reads 4 from 'conv'"),
    ("Bias n 1 1 conv b 0=5", "has values for 5 channels, and reads 4 from 'conv'"),
    ("InstanceNorm n 1 1 conv b 0=8", "has values for 8 channels, and reads 4 from 'conv'"),
    ("GroupNorm n 1 1 conv b 0=3 1=4", "has 3 groups, and reads 4 channels, which they do not divide"),
    ("InnerProduct f 1 1 conv b 0=10 2=2550", "has weights for 255 values, and reads 256 from 'conv' (8x8x4)"),
    ("Slice s 1 2 conv a b -23300=2,3,2", "cuts 5 of the 4 that 'conv' has along axis 0 (8x8x4)"),
    ("Slice s 1 2 conv a b -23300=2,3,2 1=5", "cuts along axis 5, and 'conv' has 3 axes"),
    ("Concat c 2 1 conv data b 0=1", "joins blobs that do not fit together along axis 1: 8x8x4 and 8x8x3"),
    ("Eltwise e 2 1 conv data b", "takes blobs of one shape, and reads 8x8x4 and 8x8x3"),
    ("BinaryOp e 2 1 conv data b", "takes blobs of one shape, or with sizes of 1, and reads 8x8x4 and 8x8x3"),
    ("Normalize n 1 1 conv b 0=0 4=0", "normalizes across neither places (parameter 0) nor channels (parameter 4)"),
    ("Reshape r 1 1 conv b 0=10 1=10 2=4", "makes 400 values (10x10x4) of the 256 that it reads (8x8x4)"),
]
FLOW += [
    ("Crop k 1 1 conv b 0=1 1=-1 2=0 3=8 4=8 5=4", "reads from -1 on along the height of 'conv'"),
    ("Crop k 1 1 conv b 0=1 1=1 2=-233 3=2 4=2 5=2", "reads from -233 on along the channels of 'conv'"),
    ("Crop k 1 1 conv b 0=1 1=1 2=0 3=9 4=2 5=4 6=-1", "leaves out -1 values (6=)"),
    ("Crop k 1 1 conv b -23309=1,-9 -23310=1,4 -23311=1,1", "reads from -1 on along the height of 'conv'"),
    ("Crop k 2 1 conv data b 0=1", "reads 8 values from 1 on along the width of 'conv', which has 8"),
    ("Crop k 2 1 conv data b 2=2", "reads 3 values from 2 on along the channels of 'conv', which has 4"),
    ("CopyTo t 2 1 data conv b", "writes 4 values from 0 on along the channels of 'data', which has 3"),
    ("CopyTo t 2 1 conv data b 1=-233", "writes from -233 on along the height of 'conv'"),
    ("CopyTo t 2 1 conv data b -23309=1,-3 -23311=1,2", "writes 8 values from 5 on along the width of 'conv'"),
]
FLOW += [
    ("Reshape r 1 1 conv b 0=64 2=4", "makes 64 values (64) of the 256 that it reads (8x8x4)"),
    ("Reshape r 1 1 conv b 0=64 1=0", "makes 512 values (64x8) of the 256 that it reads (8x8x4)"),
    ("Reshape r 1 1 conv b 0=3 1=-1", "makes 255 values (3x85) of the 256 that it reads (8x8x4)"),
    ("Reshape r 1 1 conv b 0=16 1=2 11=4 2=4", "makes 512 values (16x2x4x4) of the 256"),
    ("Reshape r 1 1 conv b 0=-1 1=-1", "leaves two sizes open (-1)"),
    ("Reshape r 1 1 conv b 0=-2 1=-128", "makes a size of -128"),
    ('Reshape r 1 1 conv b 6="1000000,1000,4"', "makes 4000000000 values (1000000x1000x4) of the 256"),
    ('Reshape r 1 1 conv b 6="*(0w,2),//(0h,3),0c"', "makes 128 values (16x2x4) of the 256"),
    ('Reshape r 1 1 conv b 6="-1,neg(2)"', "makes a size of -2"),
    ("Reshape r 1 1 conv b 1=64 2=4", "has no width (parameter 0)"),
    ("Permute p 1 1 conv b 0=6", "has order 6, and 'conv' has 3 axes (8x8x4): 0 to 5"),
    ("ExpandDims x 1 1 conv b -23303=2,0,1", "makes a blob of 5 axes of 'conv' (8x8x4), ncnn has 4"),
    ("ExpandDims x 1 1 conv b -23303=1,4", "adds axis 4 to 'conv' (8x8x4), and its output has 4"),
    ("Squeeze x 1 1 conv b -23303=1,3", "works along axis 3, and 'conv' has 3 axes (8x8x4)"),
    ("Tile x 1 1 conv b 0=-1 1=2", "works along axis -1, and 'conv' has 3 axes (8x8x4)"),
    ("Tile x 1 1 conv b 1=0", "repeats 0 times"),
    ("Reduction r 1 1 conv b 0=3 1=0 -23303=1,3 5=1", "reduces along axis 3, and 'conv' has 3 axes (8x8x4)"),
    ("Reduction r 1 1 conv b 0=3 1=0", "reduces no axis: neither all (parameter 1) nor those that parameter 3"),
    ("Softmax s 1 1 conv b 0=3 1=1", "works along axis 3, and 'conv' has 3 axes (8x8x4)"),
    ("CumulativeSum s 1 1 conv b 0=-4", "works along axis -4, and 'conv' has 3 axes (8x8x4)"),
    ("GLU g 1 1 conv b 0=5", "works along axis 5, and 'conv' has 3 axes (8x8x4)"),
    ("Flip f 1 1 conv b -23300=2,0,3", "works along axis 3, and 'conv' has 3 axes (8x8x4)"),
    ("LayerNorm n 1 1 conv b 0=9", "has 9 numbers for each row, and 'conv' is 8x8x4"),
    ("RMSNorm n 1 1 conv b 0=256", "has 256 numbers for each row, and 'conv' is 8x8x4"),
    ("ArgMax a 1 1 conv b 1=257", "gives the 257 largest values of 'conv' (8x8x4)"),
    ("MatMul m 2 1 conv data b", "multiplies blobs that do not fit together: 8x8x4 and 8x8x3"),
    ("Gemm g 2 1 conv data b", "multiplies matrices that do not fit together: 8x4 and 8x3"),
    ("Gemm g 1 1 conv b 4=0 5=1 6=1 8=5 9=9 10=-1", "multiplies matrices that do not fit together: 8x4 and 5x9"),
    ("Gemm g 2 1 conv data b 5=1 8=5 9=8", "adds a blob of 8x8x3 to 5x4"),
    ("LSTM l 1 1 conv b 0=5 1=180 2=0", "has weights for rows of 9 values, and reads 8 from 'conv' (8x8x4)"),
    ("GRU l 2 1 conv data b 0=5 1=240 2=2", "has a state of 10 values, and reads 192 from 'data' (8x8x3)"),
    ("MultiHeadAttention m 1 1 conv b 0=4 1=2 2=36", "has weights for 9 values of each query, and reads 8 from 'conv'"),
    ("SDPA s 3 1 conv data data b", "takes queries, keys and values that do not fit together: 8x8x4 and 8x8x3"),
    ("PixelShuffle p 1 1 conv b 0=3", "makes a pixel of 9 channels, and reads 4 from 'conv'"),
    ("Reorg p 1 1 conv b 0=0", "has a factor of 0 (parameter 0)"),
    ("Reorg p 1 1 conv b 0=9", "its output 'b' would be 0x0x324, made of 8x8x4"),
    ("ShuffleChannel s 1 1 conv b 0=3", "has 3 groups, and reads 4 channels, which they do not divide"),
    ("Normalize n 1 1 conv b 1=0 3=1", "has values for 1 channels, and reads 4 from 'conv' (8x8x4)"),
    ("Scale s 2 1 conv data b 0=-233", "reads 192 factors from 'data' for 4 channels (8x8x4)"),
    ("Slice s 1 3 conv a b c -23302=2,1,6", "cuts 6 of the 4 that 'conv' has along axis 0 (8x8x4)"),
    ("Slice s 1 3 conv a b c -23302=2,3,3", "its output 'b' would be 8x8x0, made of 8x8x4"),
    ("Padding p 1 1 conv b 2=8 4=2", "mirrors 8 places along the width of 'conv', which has 8 (8x8x4)"),
    ("Crop k 1 1 conv b 3=-1 4=2 5=4", "its output 'b' would be -1x2x4, made of 8x8x4"),
    ("Crop k 1 1 conv b -23309=1,5 -23310=1,3 -23311=1,1", "its output 'b' would be 8x-2x4, made of 8x8x4"),
    ("Padding p 1 1 conv b 4=2 8=4", "mirrors 4 places along the channels or depth of 'conv', which has 4 (8x8x4)"),
    ("Padding p 1 1 conv b 0=-1", "pads by -1"),
    ("Crop k 1 1 conv b 0=1 1=1 2=7 3=2 4=2 5=4", "reads from 7 on along the channels of 'conv', which has 4"),
    ("Padding p 1 1 conv b 0=1 6=3", "has values for 3 channels, and reads 4 from 'conv' (8x8x4)"),
    ("Convolution c 1 1 conv b 0=4 1=3 2=6 6=144", "has a kernel that covers 13 places, and the width of 'conv' has 8"),
    ("Pooling p 1 1 conv b 1=5 2=2 3=-2 5=1", "pads the width by -2"),
    ("Pooling p 1 1 conv b 1=9 2=2 5=1", "has a kernel that covers 9 places, and the width of 'conv' has 8"),
    ("Quantize q 1 1 conv b 0=3", "has values for 3 channels, and reads 4 from 'conv' (8x8x4)"),
]
NARROW = [
    ("Convolution1D c 1 1 rows b 0=4 1=3 6=36", "has weights for 3 channels, and reads 4 from 'rows' (64x4)"),
    (
        "Convolution1D c 1 1 rows b 0=4 1=65 6=1040",
        "has a kernel that covers 65 places, and the width of 'rows' has 64",
    ),
    ("Convolution1D c 1 1 conv b 0=4 1=3 6=48", "reads a blob of 3 axes (8x8x4), it takes width and channels"),
    ("MatMul m 2 1 rows rows b", "multiplies blobs that do not fit together: 64x4 and 64x4"),
    (
        "MatMul m 2 1 rows conv b 0=1",
        "multiplies blobs that do not fit together: 64x4 and 8x8x4, the second one transposed",
    ),
    ("MatMul m 2 1 flat rows b", "multiplies blobs that do not fit together: 256 and 64x4"),
    ("MatMul m 2 1 rows flat b", "multiplies blobs that do not fit together: 64x4 and 256"),
    ("BinaryOp m 2 1 conv flat b", "takes blobs of one shape, or with sizes of 1, and reads 8x8x4 and 256"),
    ("BinaryOp m 2 1 rows conv b", "takes blobs of one shape, or with sizes of 1, and reads 64x4 and 8x8x4"),
    (
        "Convolution c 1 1 flat b 0=3 1=1 6=768 8=2",
        "computes with int8, and 'flat' (256) has one axis, which ncnn then takes for the width of a single channel",
    ),
    ("Permute p 1 1 rows b 0=2", "has order 2, and 'rows' has 2 axes (64x4): 0 to 1"),
    ("Reduction r 1 1 flat b 0=3 1=0 -23303=1,4 5=1", "reduces along axis 4, and 'flat' has 1 axes (256)"),
]
"""What blobs of one and two axes are given to."""
OF_KNOWN_SHAPE = [
    ["Reshape r 1 1 conv b 0=0 1=-1"],
    ["Reshape r 1 1 conv b 0=-1"],
    ["Reshape r 1 1 conv b 0=0"],
    ["Reshape r 1 1 conv b 0=4 1=4 11=0 2=-1"],
    ['Reshape r 2 1 conv conv2 b 6="*(0w,2),//(1h,2),-1"'],
    ['Reshape r 1 1 conv b 6="+(0w,0h),-(0h,4),max(0c,2),min(abs(neg(0d)),9)"'],
    ["Reshape r 1 1 conv b 0=4 1=4 11=4 2=4", "Permute p 1 1 b c 0=0"],
    ["Reshape r 1 1 conv b 0=16 1=0 2=-1", "ExpandDims x 1 1 b c -23303=1,-2"],
    ["Reshape r 1 1 conv b 0=1 1=256", "Squeeze q 1 1 b c 0=1", "ExpandDims x 1 1 c d -23303=2,0,2"],
    ["Reshape r 1 1 conv b 0=1 1=64 2=4", "Squeeze q 1 1 b c -23303=1,-1", "Softmax s 1 1 c d 0=1 1=1"],
    ["Flatten f 1 1 conv b", "Softmax s 1 1 b c 0=1 1=1", "Reduction r 1 1 c d 0=3 1=0 -23303=1,1 5=1"],
    ["Reduction r 1 1 conv b 0=3 1=0 -23303=2,-1,0 5=1"],
    ["Reduction r 1 1 conv b 0=4 1=0 -23303=2,1,2 4=1 5=1"],
    ["Reduction r 1 1 conv b 0=5 1=1"],
    ["Tile t 1 1 conv b 0=1 1=3"],
    ["Tile t 1 1 conv b -23302=4,2,3,1,2"],
    ["Flatten f 1 1 conv a", "Tile t 1 1 a b -23302=2,3,2"],
    ["MatMul m 2 1 conv conv2 b"],
    ["MatMul m 2 1 conv conv2 b 0=1", "ExpandDims x 1 1 b c -23303=1,0", "MatMul n 2 1 c conv3 d"],
    ["Reshape r 1 1 conv a 0=64 1=4", "Reshape s 1 1 conv2 b 0=4 1=64", "MatMul m 2 1 a b c"],
    ["Reshape r 1 1 conv a 0=8 1=32", "MatMul m 2 1 a conv2 b"],
    ["Crop k 1 1 conv a 3=8 4=1 5=1", "Flatten f 1 1 a b", "MatMul m 2 1 b conv2 c"],
    ["Crop k 1 1 conv a 3=8 4=1 5=1", "Flatten f 1 1 a b", "MatMul m 2 1 conv2 b c"],
    ["Flatten f 1 1 conv a", "Flatten g 1 1 conv2 b", "MatMul m 2 1 a b c"],
    ["Reshape r 1 1 conv a 0=8 1=32", "Reshape s 1 1 conv2 b 0=8 1=32", "Gemm g 2 1 a b c 3=1"],
    ["Reshape r 1 1 conv a 0=8 1=32", "Reshape s 1 1 conv2 b 0=8 1=32", "Gemm g 2 1 a b c 2=1 14=1 11=1"],
    ["Pooling p 1 1 conv a 0=1 4=1", "BinaryOp b 2 1 conv2 a c 0=2"],
    ["Reduction r 1 1 conv a 0=3 1=0 -23303=1,2 5=1", "BinaryOp b 2 1 a conv2 c 0=2"],
    ["Pooling p 1 1 conv b 0=0 1=3 2=2 5=1"],
    ["Pooling p 1 1 conv b 0=0 1=9 2=8"],
    ["Pooling p 1 1 conv b 0=1 1=3 2=2 3=1 5=0"],
    ["Padding p 1 1 conv b 0=1 1=2 2=3 3=7 4=2"],
    ["Flatten f 1 1 conv a", "Padding p 1 1 a b 2=3 3=1"],
    ["Padding p 1 1 conv b 0=1 7=1 8=2"],
    ["Crop k 1 1 conv b -23309=2,-5,1 -23310=2,-1,99 -23311=2,-1,0"],
    ["Crop k 1 1 conv b -23309=3,1,2,-233 -23310=3,4,0,-233"],
    ["Crop k 1 1 conv b 0=1 1=2 3=-233 4=3 5=99 6=2"],
    ['Crop k 1 1 conv b 19="-(0w,6),1" 20="-(0w,1),-1" 21="-1,0"'],
    ['Crop k 2 1 conv conv2 b 19="0,/(1w,4)" 20="-233,1h" 21="0,1"'],
    ['Crop k 1 1 conv b 19="1" -23309=2,1,2 -23310=2,3,8 -23311=2,1,0'],
    ['Interp i 1 1 conv b 0=2 9="+(0w,3),floor(/(0h,3))"'],
    ['Interp i 2 1 conv conv2 b 0=1 9="*(1w,2)"'],
    ["Interp i 1 1 conv b 0=1 1=0.7 2=0.3"],
    ["Interp i 1 1 conv b 0=1 3=5"],
    ["Flatten f 1 1 conv a", "Interp i 1 1 a b 0=1 3=5 4=7"],
    ["Flatten f 1 1 conv a", "Interp i 1 1 a b 0=1 1=2.0 2=3.0"],
    ["Flatten f 1 1 conv a", 'Interp i 1 1 a b 0=1 9="5"'],
    ["Reshape r 1 1 conv a 0=64 1=4", "Interp i 1 1 a b 0=2 1=3.0 2=2.0"],
    ["Pooling p 1 1 conv a 0=1 4=1", "Convolution c 1 1 a b 0=6 1=1 6=24"],
    ["Slice s 1 3 conv a b c -23302=2,1,-2 1=-1", "GLU g 1 1 c d 0=2", "ReLU r 1 1 a e"],
    ["Flatten f 1 1 conv a", "Embed e 1 1 a b 0=5 1=3 3=15"],
    ["Reshape r 1 1 conv a 0=64 1=4", "Convolution1D c 1 1 a b 0=3 1=5 3=2 4=1 6=60"],
    ["Reshape r 1 1 conv a 0=8 1=32", "LSTM l 1 1 a b 0=5 1=320 2=2"],
    ["Reshape r 1 1 conv a 0=8 1=32", "GRU l 1 1 a b 0=5 1=120 2=0"],
    ["Reshape r 1 1 conv a 0=8 1=32", "LayerNorm n 1 1 a b 0=8", "RMSNorm m 1 1 b c 0=8"],
]
"""``conv2``, ``conv3``: further copies of it."""
HUGE = [
    ("Interp i 1 1 conv b 0=1 1=1000000 2=8", "would be 64x8000000x4, 8 GiB; a blob may have 4 GiB"),
    ("Interp i 1 1 conv b 0=1 3=100000 4=100000", "would be 100000x100000x4, 149 GiB"),
    ("Padding p 1 1 conv b 0=1000000 2=10000", "would be 10008x1000008x4, 149 GiB"),
    ("Tile t 1 1 conv b 0=1 1=10000000", "would be 8x80000000x4, 10 GiB"),
    ("Deconvolution d 1 1 conv b 0=4 1=3 3=9000 6=144", "would be 63003x63003x4, 59 GiB"),
    ("Convolution d 1 1 conv b 0=4 1=1 4=50000 6=16", "would be 100008x100008x4, 149 GiB"),
]


@pytest.mark.parametrize(("line", "says"), ARITY)
def test_numbers_of_blobs(tmp_path: Path, line: str, says: str) -> None:
    with pytest.raises(ModelFileError) as caught:
        check_arity(param_of(tmp_path, line))
    assert f"net.param:5: layer {line.split()[1]!r} ({line.split()[0]}): {says}" in str(caught.value)


@pytest.mark.parametrize(("line", "says"), FLOW + HUGE)
def test_what_a_layer_cannot_take(tmp_path: Path, line: str, says: str) -> None:
    param = param_of(tmp_path, line)
    check_arity(param)
    with pytest.raises(ModelFileError) as caught:
        check_flow(param, {"data": (3, 8, 8)})
    assert f"net.param:5: layer {line.split()[1]!r} ({line.split()[0]}): " in str(caught.value)
    assert says in str(caught.value)


@pytest.mark.parametrize("lines", FITTING, ids=lambda lines: lines[0])
@pytest.mark.parametrize("shape", [(3, 8, 8), (3, None, None), None])
def test_what_fits(tmp_path: Path, lines: list[str], shape: MaybeShape) -> None:
    param = param_of(tmp_path, *lines)
    check_arity(param)
    check_flow(param, {"data": shape})


@pytest.mark.parametrize(("line", "says"), NARROW)
def test_what_a_layer_cannot_take_of_blobs_of_fewer_axes(tmp_path: Path, line: str, says: str) -> None:
    param = param_of(tmp_path, "Reshape r 1 1 conv rows 0=64 1=4", "Flatten f 1 1 conv flat", line)
    with pytest.raises(ModelFileError) as caught:
        check_flow(param, {"data": (3, 8, 8)})
    assert f"net.param:7: layer {line.split()[1]!r} ({line.split()[0]}): {says}" in str(caught.value)


@pytest.mark.parametrize("lines", OF_KNOWN_SHAPE, ids=lambda lines: lines[-1])
def test_shapes_are_those_that_ncnn_computes(tmp_path: Path, lines: list[str]) -> None:
    param = param_of(
        tmp_path, "Split copy 1 3 conv conv_ conv2 conv3", *(line.replace(" conv ", " conv_ ") for line in lines)
    )
    check_arity(param)
    check_flow(param, {"data": (3, 8, 8)})
    check_flow(param, {"data": (3, None, None)})
    shapes: dict[str, MaybeShape] = {"data": (3, 8, 8)}
    for layer in param.layers[1:]:
        shapes |= zip(layer.tops, output_shapes(layer, [shapes[bottom] for bottom in layer.bottoms]), strict=True)
    weights = tmp_path / "net.bin"
    weights.write_bytes(b"\0" * 100_000)
    asked = [blob for blob in shapes if blob not in ("data", "conv")]
    for name, found in BlobExtractor(param.path, weights)(np.ones((3, 8, 8), np.float32), asked):
        assert shapes[name] == found.shape, name


def real_nets() -> list[Path]:
    roots = (FIXTURES, SHARED_MODELS)
    found = [path for root in roots for path in sorted(root.rglob("*.param"))]
    return [path for path in found if path.with_suffix(".bin").is_file()]


def _own_size(param: Param, blob: str, channels: int) -> tuple[int, int]:
    """A net with fully connected layers takes one size only, and its file does not say which."""
    for size in (*((side, side) for side in (32, 64, 96, 128, 224, 256, 320)), (96, 32)):
        try:
            check_flow(param, {blob: (channels, size[1], size[0])})
        except ModelFileError:
            continue
        return size
    raise AssertionError(f"{param.path} takes no size")


@pytest.mark.parametrize("path", real_nets(), ids=lambda path: path.stem)
def test_shapes_of_real_nets_are_those_that_ncnn_computes(path: Path) -> None:
    """The walk raises no false alarm, and each size that it claims to know is right."""
    binary = path.with_suffix(".bin")
    facts = inspect_net(path, binary)
    (blob,) = facts.inputs
    param = read_param(path)
    channels = facts.input_channels[blob]
    is_fixed = any(layer.type in ("InnerProduct", "LSTM", "Reshape") for layer in param.layers)
    width, height = facts.input_hints[blob].size or (_own_size(param, blob, channels) if is_fixed else (64, 64))
    shape = (channels, height, width)
    if not is_fixed:  # any size will do
        shape = (shape[0], min(height, 128) // 32 * 32, min(width, 128) // 32 * 32)
    check_flow(param, {blob: shape})
    shapes: dict[str, MaybeShape] = {blob: shape}
    for layer in param.layers:
        if layer.type != "Input":
            shapes |= zip(layer.tops, output_shapes(layer, [shapes[bottom] for bottom in layer.bottoms]), strict=True)
    known = [name for name, found in shapes.items() if found is not None and name != blob]
    assert len(known) > len(shapes) / 3
    for name, found in BlobExtractor(path, binary)(np.zeros(shape, np.float32), known):
        expected = shapes[name]
        assert expected is not None
        actual = found.shape
        assert len(actual) == len(expected), name
        assert all(one in (None, two) for one, two in zip(expected, actual, strict=True)), (name, expected, actual)


def test_facts_tell_it_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="a Eltwise reads 2 or more"):
        net_facts(param_of(tmp_path, "Eltwise e 1 1 conv b"))
