"""Layers of nets that are attacked: those that do not fit each other, by kind, and those that do.

They follow an ``Input`` of 3 x 8 x 8, ``data``, and a convolution of four outputs, ``conv``, and make ``prob``.
"""

from __future__ import annotations

from collections.abc import Sequence

_SPLIT = "Split s 1 2 conv a b\n"
_IN_THREE = "Split s 1 3 conv a b c\n"
_VOLUME = "Reshape v 1 1 conv v 0=8 1=4 11=2 2=4\n"
_ROWS = "Reshape x 1 1 conv x 0=64 1=4\n"
_ROWS_AND = "Split s 1 2 conv a b\nReshape x 1 1 a x 0=64 1=4\n"
_SIGNAL = "Flatten f 1 1 conv f\n"

GRAPHS: dict[str, Sequence[str]] = {
    "parts of a Slice": ("Slice s 1 1 conv b\nPooling p 1 1 b prob 0=1 4=1", "Slice s 1 1 conv prob -23300=2,2,2"),
    "too few inputs": (
        "Eltwise e 1 1 conv prob",
        "Concat c 0 1 prob",
        "BinaryOp b 1 1 conv prob",
        "MatMul m 1 1 conv prob",
    ),
    "too many outputs": ("Noop n 1 2 conv a prob", "ReLU r 1 2 conv prob b", "Pooling p 1 2 conv prob b 4=1"),
    "layer without input": ("ReLU r 0 1 prob", "Convolution c 0 1 prob 0=4 1=1 6=16", "Split s 0 2 prob b"),
    "other channels": (
        "Convolution c 1 1 conv prob 0=2 1=1 6=6",
        "BatchNorm n 1 1 conv prob 0=1",
        "PReLU n 1 1 conv prob 0=400",
        "Scale n 1 1 conv prob 0=3",
        "InstanceNorm n 1 1 conv prob 0=8",
        "GroupNorm n 1 1 conv prob 0=3 1=4",
        "InnerProduct f 1 1 conv prob 0=10 2=2550",
        "Deconvolution c 1 1 conv prob 0=2 1=2 6=40",
        _VOLUME + "Convolution3D c 1 1 v prob 0=3 1=2 6=24 4=1",
        _VOLUME + "Deconvolution3D c 1 1 v prob 0=2 1=2 3=2 6=32",
        _ROWS + "Deconvolution1D c 1 1 x prob 0=3 1=5 3=2 6=30",
        _SPLIT + "Reshape r 1 1 b w 0=4 1=4 11=2 2=8\nConvolution c 2 1 a w prob 0=4 1=4 19=1",
        _SPLIT + "Convolution c 2 1 a b prob 0=4 1=4 19=1",
        _SPLIT + "Reshape r 1 1 b w 0=4 1=4 11=8 2=2\nDeconvolution c 2 1 a w prob 0=4 1=4 28=1 3=2",
        _SPLIT + "Reshape r 1 1 b w 0=8 1=8 11=4 2=1\nDeconvolutionDepthWise c 2 1 a w prob 0=4 1=8 28=1 3=2 7=4",
        _ROWS_AND + "Reshape r 1 1 b w 0=8 1=2 2=16\nConvolution1D c 2 1 x w prob 0=8 1=8 19=1",
        _ROWS_AND + "Reshape r 1 1 b w 0=8 1=16 2=2\nDeconvolution1D c 2 1 x w prob 0=8 1=8 28=1",
        _SPLIT + "Convolution q 1 1 b o 0=18 1=1 6=72\nDeformableConv2D d 2 1 a o prob 0=2 1=3 4=1 6=36",
    ),
    "other shapes": (
        "Eltwise e 2 1 conv data prob",
        "Concat c 2 1 conv data prob 0=1",
        "BinaryOp e 2 1 conv data prob",
        "Reshape r 1 1 conv prob 0=10 1=10 2=4",
        'Reshape r 1 1 conv prob 6="*(0w,2),0h,0c"',
        "MatMul m 2 1 conv data prob",
        "Gemm g 2 1 conv data prob",
        "Reduction r 1 1 conv prob 0=3 1=0 -23303=1,3 5=1",
        "Softmax s 1 1 conv prob 0=3 1=1",
        "LSTM l 1 1 conv prob 0=5 1=180 2=0",
        "Padding p 1 1 conv prob 2=8 4=2",
        "Pooling p 1 1 conv prob 1=9 2=2 5=1",
        "Reshape r 1 1 conv x 0=16 1=16\nFold f 1 1 x prob 1=2 20=9 21=9",
        "Unfold u 1 1 conv prob 1=9 3=2",
        _SPLIT + "Reshape r 1 1 b g 0=1 1=32 2=8\nGridSample x 2 1 a g prob 0=1 1=1 2=0",
        _SPLIT + "Slice t 1 2 b g h -23300=2,1,3\nGridSample x 2 1 a g prob 0=1 1=1 2=0 3=1",
        _SPLIT + "DeformableConv2D d 2 1 a b prob 0=2 1=3 4=1 6=72",
        _SPLIT + "Convolution q 1 1 b o 0=18 1=1 6=72\nDeformableConv2D d 2 1 a o prob 0=2 1=3 4=2 6=72",
        _IN_THREE + "Convolution q 1 1 b o 0=18 1=1 6=72\nDeformableConv2D d 3 1 a o c prob 0=2 1=3 4=1 6=72",
        _VOLUME + "Convolution3D c 1 1 v prob 0=3 1=3 6=324 3=2",
        _SPLIT + "Einsum e 2 1 a b prob -23300=9,105,107,44,107,106,45,62,105,106",
        "Reshape r 1 1 conv x 0=4 1=64\nEinsum e 1 1 x prob -23300=2,105,105",
        _IN_THREE + "Reshape q 1 1 b d 0=64 1=4\nReshape r 1 1 c e 0=64 1=4\nReshape z 1 1 a f 0=8 1=8 2=4\n"
        "RotaryEmbed y 3 1 f d e prob",
        _SIGNAL + "Spectrogram d 1 1 f prob 0=300 1=2 5=0",
        _SIGNAL + "Spectrogram d 1 1 f a 0=32 1=0\nInverseSpectrogram i 1 1 a prob 0=64 1=1",
        "PriorBox i 1 1 conv prob -23300=1,8.0 -23301=1,9.0 -23302=1,2.0 9=-233 10=-233",
        _SPLIT + "Slice t 1 3 b l c p -23300=3,1,2,1\nFlatten x 1 1 l m\nFlatten y 1 1 c d\n"
        "Reshape z 1 1 p q 0=32 1=2\nDetectionOutput o 3 1 m d q prob 0=21 4=0.01",
    ),
    "other types": (
        "Cast c 1 1 conv a 0=1 1=2\nPooling p 1 1 a prob 0=1 4=1",
        "Cast c 1 1 conv a 0=1 1=4\nReLU r 1 1 a prob",
        "Cast c 1 1 conv prob 0=0 1=1",
        "Cast c 1 1 conv prob 0=1 1=3",
        "Cast c 1 1 conv prob 0=2 1=1",
        "Quantize q 1 1 conv a 0=1\nSoftmax s 1 1 a prob",
        "Quantize q 1 1 conv a 0=1\nFlatten f 1 1 a b\nInnerProduct i 1 1 b prob 0=2 2=512",
        "Requantize q 1 1 conv a 0=1 1=1\nUnaryOp u 1 1 a prob 0=0",
        _SIGNAL + "Convolution c 1 1 f prob 0=3 1=1 6=768 8=2",
    ),
    "expressions": (
        'Reshape r 1 1 conv prob 6="64,+(0c)"',
        'Reshape r 1 1 conv prob 6="64,//(0c,-(0h,8))"',
        'Reshape r 1 1 conv prob 6="64,1c"',
        'Reshape r 1 1 conv prob 6="64,,4"',
        'Reshape r 1 1 conv prob 6="64,round(4.5)"',
        'Interp i 1 1 conv prob 0=1 9="0w,*(0h,2),3"',
        'Interp i 1 1 conv prob 0=1 9="-(0w,9),0h"',
        "Interp i 1 1 conv prob 0=0 1=2.0 2=2.0",
        'Crop k 1 1 conv prob 19="1" 20="3"',
        'Crop k 1 1 conv prob 19="1" 20="3,3" 21="0,1"',
        'Crop k 1 1 conv prob 19="0w" 20="99" 21="2"',
        "Crop k 1 1 conv prob -23309=1,1 -23310=1,2",
    ),
    "region beside a blob": (
        "Crop k 1 1 conv prob 0=1 1=-1 2=0 3=8 4=8 5=4",
        "Crop k 1 1 conv prob -23309=1,-9 -23310=1,4 -23311=1,1",
        "Crop k 2 1 conv data prob 0=1",
        "Split s 1 2 conv a b\nCopyTo t 2 1 a b prob 0=1",
        "CopyTo t 2 1 conv data prob 1=-1",
        "Deconvolution d 1 1 conv prob 0=2 1=2 3=2 6=32 18=-1",
    ),
    "gigabytes": (
        "Interp i 1 1 conv prob 0=1 1=1000000 2=1000000",
        "Padding p 1 1 conv prob 0=1000000 2=1000000",
        "Tile t 1 1 conv prob 0=1 1=100000000",
        "Deconvolution d 1 1 conv prob 0=4 1=3 3=9000 6=144",
        _SPLIT + "Interp i 1 1 a x 0=1 3=16000 4=16000\nInterp j 1 1 b y 0=1 3=16000 4=16000\nEltwise e 2 1 x y prob",
    ),
    "kills ncnn": (
        'Reshape r 1 1 conv a 6="floor(exp(1.5)),floor(exp(4.17))"\nFold f 1 1 a far 1=64 11=1 20=4000 21=4000\n'
        "Pooling p 1 1 far prob 0=1 4=1",
    ),
}
"""Kinds of layers that do not fit each other."""

SMALL = [row for kind, rows in GRAPHS.items() if kind not in ("gigabytes", "kills ncnn") for row in rows]
"""What is changed further."""

SOUND = (
    "Split s 1 2 conv a b\nConcat c 2 1 a b prob 0=0",
    "Slice s 1 2 conv a b -23300=2,1,3 1=0\nConcat c 2 1 a b prob 0=0",
    "Slice s 1 2 conv a b -23300=2,-233,-233 1=1\nEltwise e 2 1 a b prob 0=1",
    "Split s 1 2 conv a b\nPooling p 1 1 a c 0=1 1=8 2=8\nBinaryOp m 2 1 b c prob 0=2",
    "Pooling p 1 1 conv a 0=0 1=3 2=2 3=1\nInterp i 1 1 a prob 0=1 3=8 4=8",
    "Reshape r 1 1 conv a 0=64 1=4\nPermute t 1 1 a b 0=1\nReduction d 1 1 b prob 0=3 1=0 -23303=1,1 5=1",
    "Padding p 1 1 conv a 0=1 1=1 2=1 3=1\nCrop k 1 1 a prob 0=1 1=1 2=0 3=8 4=8 5=4",
    "PReLU r 1 1 conv a 0=4\nBatchNorm n 1 1 a b 0=4\nShuffleChannel h 1 1 b prob 0=2",
    "Split s 1 2 conv a b\nCrop k 1 1 a c 0=1 1=1 2=0 3=2 4=2 5=4\nCopyTo t 2 1 b c prob 0=1 1=1 2=0",
    "GroupNorm g 1 1 conv a 0=2 1=4\nPixelShuffle x 1 1 a b 0=2\nReorg o 1 1 b c 0=2\nTile t 1 1 c prob 0=0 1=2",
    "Flatten f 1 1 conv a\nInnerProduct i 1 1 a prob 0=3 1=0 2=768",
    "Deconvolution d 1 1 conv a 0=2 1=2 3=2 6=32\nNormalize n 1 1 a prob 0=0 1=1 2=0.1 3=1 9=0",
    "Split s 1 2 conv a b\nReshape r 1 1 a c 0=64 1=4\nReshape q 1 1 b d 0=4 1=64\nMatMul m 2 1 c d prob",
    "ConvolutionDepthWise w 1 1 conv a 0=4 1=3 4=1 6=36 7=4\nScale x 1 1 a b 0=4\nLRN l 1 1 b prob 0=0 1=3",
    "Split s 1 2 conv a b\nReshape r 1 1 a c 0=8 1=8 11=2 2=2\nReduction d 1 1 c e 0=3 1=0 -23303=2,1,2 4=0 5=1\n"
    "MatMul m 2 1 b e prob 0=1",
    "Reshape r 1 1 conv a 0=64 1=-1\nExpandDims x 1 1 a b -23303=1,1\nSqueeze q 1 1 b c -23303=1,1\n"
    "Softmax s 1 1 c prob 0=1 1=1",
    "Split s 1 2 conv a b\nReshape r 1 1 a c 0=64 1=4\nReshape q 1 1 b d 0=64 1=4\n"
    "Gemm g 2 1 c d prob 2=0 3=1 11=0 14=0",
    "Permute t 1 1 conv a 0=3\nPadding p 1 1 a b 0=1 1=2 2=3 3=1 4=2 7=0 8=0\nFlip f 1 1 b c -23300=2,0,2\n"
    "CumulativeSum u 1 1 c prob 0=1",
    "Slice s 1 3 conv a b c -23302=2,1,-2 1=2\nConcat c 3 1 a b c d 0=2\nGLU g 1 1 d prob 0=0",
    "Pooling p 1 1 conv a 0=0 1=3 2=2 3=1 5=1\nTile t 1 1 a b -23302=3,1,2,3\nTile u 1 1 b prob 0=1 1=2",
    "Split s 1 2 conv a b\nPooling p 1 1 a c 0=1 4=1\nBinaryOp m 2 1 b c prob 0=2",
    "Split s 1 2 conv a b\nReduction d 1 1 a c 0=3 1=0 -23303=1,2 4=0 5=1\nBinaryOp m 2 1 c b prob 0=0",
    'Split s 1 2 conv a b\nReshape r 2 1 a b c 6="*(0w,2),//(1h,2),-1"\nPermute t 1 1 c prob 0=1',
    "Reshape r 1 1 conv a 0=8 1=32\nLSTM l 1 1 a b 0=3 1=192 2=2 3=3\nFlatten f 1 1 b prob",
    "Reshape r 1 1 conv a 0=64 1=4\nConvolution1D c 1 1 a b 0=3 1=5 2=1 3=2 4=1 6=60\nLayerNorm n 1 1 b prob 0=31 2=0",
    "Split s 1 2 conv a b\nReshape r 1 1 a c 0=4 1=64\nReshape q 1 1 b d 0=64 1=4\n"
    "InnerProduct i 1 1 c e 0=3 1=0 2=12\nMatMul m 2 1 d e prob 0=0",
    "Unfold u 1 1 conv a 1=3 4=1\nFold f 1 1 a prob 1=3 4=1 20=8 21=8",
    "Unfold u 1 1 conv a 1=3 11=2 2=1 3=2 4=1\nFold f 1 1 a prob 1=3 11=2 3=2 4=1 20=8 21=8",
    _SPLIT + "Reshape r 1 1 b g 0=2 1=16 2=8\nGridSample x 2 1 a g prob 0=1 1=1 2=0",
    _SPLIT + "Slice t 1 2 b g h -23300=2,2,2\nGridSample x 2 1 a g prob 0=2 1=2 2=1 3=1",
    "Split s 1 2 conv a b\nReshape q 1 1 a v 0=8 1=4 11=2 2=4\nSlice t 1 2 b g h -23300=2,3,1\n"
    "Reshape r 1 1 g i 0=8 1=4 11=2 2=3\nGridSample x 2 1 v i prob 0=1 1=1 2=0 3=1",
    _SPLIT + "Slice t 1 3 b o m n -23300=3,2,1,1\nDeformableConv2D d 3 1 a o m prob 0=2 1=1 6=8",
    _SPLIT + "Convolution q 1 1 b o 0=18 1=1 6=72\nDeformableConv2D d 2 1 a o prob 0=2 1=3 4=1 6=72",
    _VOLUME + "Convolution3D c 1 1 v a 0=3 1=2 6=96 4=1\nPooling3D p 1 1 a prob 0=1 1=2 2=2 5=1",
    _VOLUME + "ConvolutionDepthWise3D c 1 1 v a 0=4 1=2 21=1 6=16 7=4 13=2\nPooling3D p 1 1 a prob 0=0 1=2 2=2",
    _VOLUME + "ConvolutionDepthWise3D c 1 1 v prob 0=4 1=2 6=64 7=2",
    _VOLUME + "Deconvolution3D c 1 1 v a 0=2 1=2 3=2 6=64 18=1\nPooling3D p 1 1 a prob 0=1 7=1 8=3 18=2 28=1",
    _VOLUME + "DeconvolutionDepthWise3D c 1 1 v a 0=4 1=3 3=2 4=1 6=108 7=4\nPooling3D p 1 1 a prob 0=1 4=1",
    _SPLIT + "Reshape r 1 1 b w 0=4 1=4 11=4 2=4\nConvolution c 2 1 a w prob 0=4 1=4 19=1",
    _IN_THREE + "Reshape r 1 1 b w 0=4 1=4 11=4 2=4\nPooling p 1 1 c e 0=1 4=1\n"
    "Convolution d 3 1 a w e prob 0=4 1=4 19=1 5=1 4=2",
    _IN_THREE + "Reshape r 1 1 b w 0=8 1=8 11=1 2=4\nPooling p 1 1 c e 0=1 4=1\n"
    "ConvolutionDepthWise d 3 1 a w e prob 0=4 1=8 19=1 5=1 4=4 7=4",
    _SPLIT + "Reshape r 1 1 b w 0=4 1=8 11=2 2=4\nDeconvolution c 2 1 a w prob 0=2 1=4 11=8 28=1 3=2",
    _SPLIT + "Reshape r 1 1 b w 0=8 1=8 11=1 2=4\nDeconvolutionDepthWise c 2 1 a w prob 0=4 1=8 28=1 3=2 7=4",
    _ROWS_AND + "Reshape r 1 1 b w 0=8 1=4 2=8\nConvolution1D c 2 1 x w prob 0=8 1=8 19=1",
    _ROWS_AND + "Reshape r 1 1 b w 0=64 1=1 2=4\nConvolutionDepthWise1D c 2 1 x w prob 0=4 1=64 19=1 7=4 4=9",
    _ROWS_AND + "Reshape r 1 1 b w 0=8 1=8 2=4\nDeconvolution1D c 2 1 x w prob 0=8 1=8 28=1",
    _ROWS_AND + "Reshape r 1 1 b w 0=64 1=1 2=4\nDeconvolutionDepthWise1D c 2 1 x w prob 0=4 1=64 28=1 7=4",
    _ROWS + "Deconvolution1D c 1 1 x a 0=3 1=5 3=2 4=1 6=60 18=1\nPooling1D p 1 1 a prob 0=0 1=5 2=3 3=1",
    _ROWS + "DeconvolutionDepthWise1D c 1 1 x a 0=4 1=5 3=2 6=20 7=4\nPooling1D p 1 1 a prob 0=1 1=5 2=3 5=1",
    _ROWS_AND + "Reshape r 1 1 b y 0=4 1=64\nEinsum e 2 1 x y prob -23300=9,105,107,44,107,106,45,62,105,106",
    _IN_THREE + "Reshape q 1 1 b d 0=4 1=8 2=8\nReshape r 1 1 c e 0=4 1=8 2=8\nReshape z 1 1 a f 0=8 1=8 2=4\n"
    "RotaryEmbed y 3 1 f d e prob",
    _SIGNAL + "Spectrogram d 1 1 f prob 0=32 1=2",
    _SIGNAL + "Spectrogram d 1 1 f a 0=32 1=0 2=8\nInverseSpectrogram i 1 1 a prob 0=32 1=1 2=8",
    _SPLIT + "ROIPooling r 2 1 a b c 0=2 1=3\nReLU l 1 1 c prob",
    _SPLIT + "ROIAlign r 2 1 a b c 0=2 1=3\nReLU l 1 1 c prob",
    _SPLIT + "PSROIPooling r 2 1 a b prob 0=2 1=2 3=1",
    "Cast c 1 1 conv a 0=1 1=2\nSlice s 1 2 a b c -23300=2,2,2\nConcat k 2 1 b c d\nCast e 1 1 d prob 0=2 1=1",
    "Quantize q 1 1 conv a 0=1\nReLU r 1 1 a b\nCast c 1 1 b prob 0=3 1=1",
    _SPLIT + 'Interp i 2 1 a b c 0=2 9="*(0w,2),floor(/(1h,3))"\nReLU l 1 1 c prob',
    _SPLIT + 'Crop k 2 1 a b c 19="1,-(1w,6)" 20="3,-1" 21="0,2"\nReLU l 1 1 c prob',
    "Flatten f 1 1 conv f\nConvolution c 1 1 f a 0=6 1=1 6=1536\nInterp i 1 1 a prob 0=1 3=2 4=3",
    "PriorBox i 1 1 conv prob -23300=2,8.0,4.0 -23301=2,9.0,5.0 -23302=1,2.0 9=32 10=32",
    "PriorBox i 1 1 conv prob -23300=2,0.5,0.2 -23302=2,1.0,2.0 9=-233 10=-233",
)
"""Layers that fit each other: with another number in one of them they may not, and the text is still a net."""
