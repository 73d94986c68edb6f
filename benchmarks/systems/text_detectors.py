"""PANet with ResNet-18 and FPEM-FFM, and TextSnake with ResNet-50 and a U-shaped pyramid, as mmocr 0.x configures them.

W. Wang et al., "Efficient and Accurate Arbitrary-Shaped Text Detection with Pixel Aggregation Network", 2019; S. Long
et al., "TextSnake: A Flexible Representation for Detecting Text of Arbitrary Shapes", 2018. Both take sides that are
multiples of 32 and keep no size inside. Of mmocr's upsampling to the size of another map they have the factor, as
mmdeploy rewrites it for ncnn; TextSnake's resizes, which do nothing at such sizes, are left out.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from benchmarks.systems.blocks import BasicBlock, Bottleneck, ConvNorm, ResNet

PAN_CHANNELS = 6
"""Logits of text and kernel, then the similarity vector of four."""
SNAKE_CHANNELS = 5
"""Logits of text and centre region, sine, cosine, radius in pixels."""

_NECK = 128
_FPEM_REPEATS = 2


class _Separable(nn.Module):
    """A 3 x 3 convolution of each channel by itself, a 1 x 1 convolution, normalization, ReLU."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(_NECK, _NECK, 3, stride, 1, groups=_NECK)
        self.pointwise = ConvNorm(_NECK, _NECK, 1, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.pointwise(self.depthwise(x)))


def _grown(x: Tensor, factor: int = 2) -> Tensor:
    return interpolate(x, scale_factor=float(factor), mode="nearest")


class Enhancement(nn.Module):
    """FPEM: coarse maps are added to finer ones, then finer to coarser, with a separable convolution after each."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ModuleList([_Separable(1) for _ in range(3)])
        self.down = nn.ModuleList([_Separable(2) for _ in range(3)])

    def forward(self, c2: Tensor, c3: Tensor, c4: Tensor, c5: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return four maps of the same shapes, finest first."""
        c4 = self.up[0](_grown(c5) + c4)
        c3 = self.up[1](_grown(c4) + c3)
        c2 = self.up[2](_grown(c3) + c2)
        c3 = self.down[0](_grown(c3) + c2)
        c4 = self.down[1](_grown(c4) + c3)
        c5 = self.down[2](_grown(c5) + c4)
        return c2, c3, c4, c5


class PanNet(nn.Module):
    """Output batch x 6 x height / 4 x width / 4, raw."""

    spread = ((1.0, 3.0), (1.0, 3.0), *[(0.0, 1.0)] * 4)
    """Mean and deviation of each output channel that makes a decoder work as hard as the worst of int8 nets does."""

    def __init__(self) -> None:
        super().__init__()
        widths = (64, 128, 256, 512)
        self.backbone = ResNet(BasicBlock, widths, (2, 2, 2, 2))
        self.reduce = nn.ModuleList([ConvNorm(width, _NECK, 1, bias=True) for width in widths])
        self.enhance = nn.ModuleList([Enhancement() for _ in range(_FPEM_REPEATS)])
        self.output = nn.Conv2d(4 * _NECK, PAN_CHANNELS, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the raw maps."""
        maps = tuple(torch.relu(reduce(y)) for reduce, y in zip(self.reduce, self.backbone(x), strict=True))
        total: tuple[Tensor, ...] = ()
        for module in self.enhance:
            maps = module(*maps)
            total = tuple(a + b for a, b in zip(total, maps, strict=True)) if total else maps
        finest, *others = total
        same_size = [
            interpolate(y, scale_factor=float(2**level), mode="bilinear", align_corners=False)
            for level, y in enumerate(others, start=1)
        ]
        output: Tensor = self.output(torch.cat([finest, *same_size], dim=1))
        return output


class _UpBlock(nn.Module):
    """1 x 1 and 3 x 3 convolution, each rectified, and a deconvolution to twice the size; no normalization."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(inputs, inputs, 1)
        self.smooth = nn.Conv2d(inputs, outputs, 3, 1, 1)
        self.grow = _doubling(outputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        grown: Tensor = self.grow(torch.relu(self.smooth(torch.relu(self.mix(x)))))
        return grown


def _doubling(inputs: int, outputs: int) -> nn.Module:
    return nn.ConvTranspose2d(inputs, outputs, 4, 2, 1)


class SnakeNet(nn.Module):
    """Output batch x 5 x height x width, raw."""

    spread = ((1.0, 3.0), (0.0, 3.0), (0.0, 1.0), (0.0, 1.0), (6.0, 4.0))
    """See `PanNet.spread`."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = ResNet(partial(Bottleneck, stride_first=True), (256, 512, 1024, 2048), (3, 4, 6, 3))
        self.top = _doubling(2048, 256)
        self.ups = nn.ModuleList(
            [_UpBlock(inputs, outputs) for inputs, outputs in ((1024 + 256, 128), (512 + 128, 64), (256 + 64, 32))]
        )
        self.last = _UpBlock(32, 32)
        self.output = nn.Conv2d(32, SNAKE_CHANNELS, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the raw maps."""
        *finer, coarsest = self.backbone(x)
        y = torch.relu(self.top(coarsest))
        for up, beside in zip(self.ups, reversed(finer), strict=True):
            y = torch.relu(up(torch.cat([y, beside], dim=1)))
        output: Tensor = self.output(self.last(y))
        return output
