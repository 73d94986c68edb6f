"""What layers that few nets have pass on to each other: the sound ones of the campaign, and what is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.campaign.graphs import SOUND
from pytest_quant.nets.ncnn.blobs import BlobExtractor
from pytest_quant.nets.ncnn.files.arity import check_arity
from pytest_quant.nets.ncnn.files.blob_shape import MaybeShape
from pytest_quant.nets.ncnn.files.flow import check_flow
from pytest_quant.nets.ncnn.files.shapes import output_shapes
from pytest_quant.spec.errors import ModelFileError
from tests.unit.nets.ncnn.files.test_flow import param_of

CODES = "-23300=9,105,107,44,107,106,45,62,105,106"
"""``ik,kj->ij``."""
MADE = (
    "Split copy 1 7 conv image conv2 conv3 conv4 conv5 conv6 conv7",
    "Reshape r1 1 1 conv2 rows 0=64 1=4",
    "Flatten r2 1 1 conv3 signal",
    "Reshape r3 1 1 conv4 volume 0=8 1=4 11=2 2=4",
    "Reshape r4 1 1 conv5 four 0=4 1=4 11=2 2=8",
    "Reshape r5 1 1 conv6 square 0=16 1=16",
    "Reshape r6 1 1 conv7 many 0=8 1=4 2=8",
)
"""``image``: 8x8x4, ``rows``: 64x4, ``signal``: 256, ``volume``: 8x4x2x4, ``four``: 4x4x2x8, ``square``: 16x16,
``many``: 8x4x8."""
WRONG = [
    ("Convolution3D c 1 1 volume b 0=3 1=2 6=72", "has weights for 3 channels, and reads 4 from 'volume' (8x4x2x4)"),
    ("Convolution3D c 1 1 volume b 0=3 1=3 6=324 3=2", "covers 3 places, and the depth of 'volume' has 2 with its"),
    ("Convolution3D c 1 1 image b 0=3 1=3 11=1 21=2 6=72 3=2", "covers 2 places, and the depth of 'image' has 1"),
    ("Convolution3D c 1 1 volume b 0=3 1=1 6=12 4=1 24=-1", "pads the depth by -1"),
    ("ConvolutionDepthWise3D c 1 1 volume b 0=3 1=2 6=24 7=3", "has weights for 3 channels, and reads 4 from 'volume'"),
    ("Deconvolution3D c 1 1 volume b 0=2 1=2 6=32", "has weights for 2 channels, and reads 4 from 'volume'"),
    ("Deconvolution3D c 1 1 volume b 0=2 1=1 4=1 6=8", "its output 'b' would be 6x2x0x2, made of 8x4x2x4"),
    ("Deconvolution3D c 1 1 volume b 0=2 1=2 3=2 6=64 18=-1", "adds -1 at the end (18=)"),
    ("Deconvolution3D c 1 1 volume b 0=2 1=2 3=2 6=64 20=-2", "adds -2 at the end (20=)"),
    ("Deconvolution c 1 1 image b 0=2 1=2 3=2 6=32 19=-1", "adds -1 at the end (19=)"),
    ("DeconvolutionDepthWise1D c 1 1 rows b 0=4 1=5 6=20 7=4 18=-1", "adds -1 at the end (18=)"),
    ("Pooling3D p 1 1 volume b 1=2 21=3 5=1", "has a kernel that covers 3 places, and the depth of 'volume' has 2"),
    ("Pooling1D p 1 1 rows b 1=65 2=3 5=1", "has a kernel that covers 65 places, and the width of 'rows' has 64"),
    ("Deconvolution1D c 1 1 rows b 0=3 1=5 6=30", "has weights for 2 channels, and reads 4 from 'rows' (64x4)"),
    ("DeconvolutionDepthWise1D c 1 1 rows b 0=4 1=5 6=20 7=2", "has weights for 2 channels, and reads 4 from 'rows'"),
    ("Convolution c 2 1 image four b 0=8 1=4 19=1", "has weights for 2 channels, and reads 4 from 'image' (8x8x4)"),
    (
        "Convolution c 2 1 image square b 0=1 1=16 19=1",
        "covers 16 places, and the width of 'image' has 8 with its padding",
    ),
    ("ConvolutionDepthWise c 2 1 image four b 19=1 7=4", "has weights for 8 channels, and reads 4 from 'image'"),
    ("Deconvolution c 2 1 image four b 28=1", "has weights for 8 channels, and reads 4 from 'image' (8x8x4)"),
    ("Convolution1D c 2 1 rows image b 19=1", "has weights for 8 channels, and reads 4 from 'rows' (64x4)"),
    (
        "Deconvolution c 3 1 image volume signal b 28=1 5=1",
        "has 2 outputs, and reads a bias of 256 from 'signal' (256)",
    ),
    ("Convolution1D c 3 1 rows many signal b 19=1 5=1", "has 8 outputs, and reads a bias of 256 from 'signal' (256)"),
    ("Unfold u 1 1 image b 1=9 3=2", "has a kernel that covers 9 places, and the width of 'image' has 8"),
    ("Fold f 1 1 rows b 1=2 20=8 21=9", "puts 56 patches together, and reads 64 columns from 'rows' (64x4)"),
    ("Fold f 1 1 rows b 1=3 20=10", "has a kernel of 9 places, and reads 4 rows from 'rows' (64x4)"),
    ("Fold f 1 1 rows b 1=9 20=8 3=4", "has a kernel that does not fit into its output"),
    ("Fold f 1 1 image b 1=1 20=2 21=4", "reads a blob of several matrices from 'image' (8x8x4), it takes one"),
    ("GridSample g 2 1 image image b 1=1", "takes 2 coordinates along the last of 3 axes of the grid, and 'image' is"),
    ("GridSample g 2 1 image image b 3=1", "takes 2 coordinates along the first of 3 axes of the grid, and 'image' is"),
    ("GridSample g 2 1 volume image b", "takes 3 coordinates along the last of 4 axes of the grid, and 'image' is"),
    ("DeformableConv2D d 2 1 image image b 0=2 1=1 6=8", "takes offsets of 8x8x2, and reads 8x8x4 from 'image'"),
    ("DeformableConv2D d 2 1 image rows b 0=2 1=1 6=8", "takes offsets of 8x8x2, and reads 64x4 from 'rows'"),
    ("DeformableConv2D d 2 1 image image b 0=2 1=1 6=6", "has weights for 3 channels, and reads 4 from 'image'"),
    ("DeformableConv2D d 2 1 image image b 0=2 1=9 6=648", "covers 9 places, and the width of 'image' has 8 with its"),
    (f"Einsum e 2 1 rows square b {CODES}", "reads blobs whose sizes differ along 'k' (ik,kj->ij): 64x4 and 16x16"),
    (f"Einsum e 2 1 rows image b {CODES}", "names the indexes 'kj' of 'image', which has 3 axes (8x8x4)"),
    (f"Einsum e 1 1 rows b {CODES}", "names the indexes of 2 blobs (ik,kj->ij), and reads 1"),
    ("Einsum e 1 1 signal b -23300=5,105,45,62,105,106", "makes an output of the indexes 'ij', which its inputs lack"),
    ("Einsum e 1 1 rows b -23300=2,105,105", "sums the diagonal of a square matrix, and 'rows' is 64x4"),
    ("RotaryEmbed y 3 1 image rows rows b", "turns 8 rows, and reads 4 from 'rows' (64x4)"),
    (
        "RotaryEmbed y 3 1 rows square square b",
        "turns 32 pairs of each row, and reads rows of 16 from 'square' (16x16)",
    ),
    ("Spectrogram s 1 1 signal b 0=300 5=0", "has a window of 300 values, and 'signal' has 256 (256)"),
    ("Spectrogram s 1 1 signal b 0=512", "mirrors 256 values of 'signal', which has 256 (256)"),
    ("Spectrogram s 1 1 signal b 0=3", "has a window of 3 values (parameter 0), moved by 0 (parameter 2)"),
    ("InverseSpectrogram s 1 1 image b 0=8", "takes 5 or 8 frequencies, and reads 4 from 'image' (8x8x4)"),
    ("InverseSpectrogram s 1 1 image b 0=4", "takes complex numbers, and reads rows of 8 values from 'image'"),
    ("PSROIPooling r 2 1 image image b 0=2 1=3 3=1", "takes 6 channels for 1 outputs of 2x3, and reads 4 from 'image'"),
    (
        "PriorBox p 1 1 image b -23300=1,8.0 9=-233 10=-233",
        "has no sizes (parameter 0) or no aspect ratios (parameter 2)",
    ),
    ("PriorBox p 1 1 image b -23300=1,8.0 -23301=1,9.0 9=-233", "takes the size of the image from a second input"),
    ("PriorBox p 1 1 image b -23300=1,8.0 -23301=2,9.0,8.0 9=8 10=8", "has 1 least sizes (parameter 0) and 2 largest"),
    ("DetectionOutput d 3 1 signal signal square b 0=65", "has 4 prior boxes, for 260 scores, and reads 256 from"),
    ("DetectionOutput d 3 1 rows square signal b 0=2", "takes prior boxes and their variances, and reads 256 from"),
    (
        "DetectionOutput d 3 1 signal rows rows b 0=-233",
        "takes prior boxes of four numbers, and reads 64x4 from 'rows'",
    ),
    ("Proposal p 3 1 image image signal b", "has 9 anchors, for 18 channels of scores, and reads 4 from 'image'"),
    (
        "Reshape s 1 1 image s 0=1 1=4 2=64\nReshape t 1 1 four t 0=4 1=1 2=64\nProposal p 3 1 s t rows b",
        "takes scores and shifts of one size, and reads 1x4x64 and 4x1x64",
    ),
    (
        "Reshape s 1 1 image s 0=4 1=1 2=64\nReshape t 1 1 four t 0=4 1=1 2=64\nPooling q 1 1 s u 0=1 4=1\n"
        "Slice h 1 2 u m n -23300=2,2,62\nProposal p 3 1 t t m b",
        "takes height, width and scale of the image, and reads 2 numbers from 'm'",
    ),
    (
        "YoloDetectionOutput y 1 1 image b 0=1 1=1",
        "takes 1 boxes of 6 channels for 1 classes, and reads 4 channels from",
    ),
]


@pytest.mark.parametrize("rows", SOUND, ids=lambda rows: rows.split("\n")[-1])
def test_shapes_of_layers_that_fit_are_those_that_ncnn_computes(tmp_path: Path, rows: str) -> None:
    param = param_of(tmp_path, *rows.split("\n"))
    check_arity(param)
    for shape in ((3, 8, 8), (3, None, None), None):
        check_flow(param, {"data": shape})
    shapes: dict[str, MaybeShape] = {"data": (3, 8, 8)}
    for layer in param.layers[1:]:
        shapes |= zip(layer.tops, output_shapes(layer, [shapes[bottom] for bottom in layer.bottoms]), strict=True)
    weights = tmp_path / "net.bin"
    weights.write_bytes(b"\0" * 100_000)
    read = {bottom for layer in param.layers for bottom in layer.bottoms}
    asked = [blob for blob in shapes if blob not in read]
    assert "prob" in asked
    for name, found in BlobExtractor(param.path, weights)(np.ones((3, 8, 8), np.float32), asked):
        assert shapes[name] == found.shape, name


@pytest.mark.parametrize(("line", "says"), WRONG, ids=lambda text: text.split("=")[0])
def test_what_a_layer_cannot_take(tmp_path: Path, line: str, says: str) -> None:
    *before, line = line.split("\n")
    param = param_of(tmp_path, *MADE, *before, line)
    check_arity(param)
    with pytest.raises(ModelFileError) as caught:
        check_flow(param, {"data": (3, 8, 8)})
    assert f"net.param:{12 + len(before)}: layer {line.split()[1]!r} ({line.split()[0]}): " in str(caught.value)
    assert says in str(caught.value)


def test_a_bias_that_is_not_given(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="reads 2 blobs, a Convolution reads 3"):
        check_arity(param_of(tmp_path, "Convolution c 2 1 conv data b 0=4 1=4 19=1 5=1"))
